"""Errors with AWS's wire codes.

The code is the shape's name minus `Exception`, except where the service model says otherwise; every code used here is
either in the model or observed on AWS (`UnsupportedCertificate`, `ValidationError`).
"""

from __future__ import annotations

from localstack.aws.api import CommonServiceException

# HTTP statuses that differ from 400 (service model, `error.httpStatusCode`).
_STATUS = {"PriorRequestNotComplete": 429, "InsufficientCapacity": 500, "HealthUnavailable": 500}


def error(code: str, message: str) -> CommonServiceException:
    status = _STATUS.get(code, 400)
    return CommonServiceException(code, message, status_code=status, sender_fault=status < 500)


def validation(message: str) -> CommonServiceException:
    return error("ValidationError", message)


def invalid_configuration(message: str) -> CommonServiceException:
    return error("InvalidConfigurationRequest", message)
