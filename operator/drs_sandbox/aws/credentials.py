"""The access key of the hub account in the sandbox.

It is the example key of AWS's own documentation: it opens nothing but the sandbox, and secret scanners know it.
"""

HUB_ACCESS_KEY_ID = "AKIAIOSFODNN7EXAMPLE"
HUB_SECRET_ACCESS_KEY = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"
HUB_USER_NAME = "drs-operator"
