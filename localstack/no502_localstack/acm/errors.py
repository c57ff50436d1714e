"""ACM's errors: JSON codes keep their `Exception` suffix."""

from __future__ import annotations

from localstack.aws.api import CommonServiceException


def error(code: str, message: str) -> CommonServiceException:
    return CommonServiceException(code, message, status_code=400, sender_fault=True)


def validation(message: str) -> CommonServiceException:
    return error("ValidationException", message)


def invalid_parameter(message: str) -> CommonServiceException:
    return error("InvalidParameterException", message)


def not_found(arn: str) -> CommonServiceException:
    return error("ResourceNotFoundException", f"Could not find certificate {arn}.")
