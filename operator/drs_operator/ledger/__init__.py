"""The ledger in DynamoDB: what must outlive the cluster and be agreed on between clusters.

Every write is one conditional write on one item; nothing needs a transaction.
"""
