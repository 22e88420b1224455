"""The simulated AWS: one process, one HTTP server for every service and account.

`python -m drs_sandbox.aws` starts it. A request passes the door (`door`): its signature is checked (`signature`,
`sessions`), it is understood with botocore's own service model (`wire`), faults act on it (`faults`), a service answers
(`sts`, `service_quotas`, `dynamodb`, `moto_services`, the DRS simulator), and it is logged (`calls`).
"""
