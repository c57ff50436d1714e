"""The dispatch table of ACM. All operations of the service model are served from our store, none by Moto."""

from __future__ import annotations

from typing import Any, Callable

from localstack.aws.api import RequestContext
from localstack.aws.skeleton import DispatchTable
from localstack.aws.spec import load_service

from no502_localstack.acm import certificates, tags
from no502_localstack.acm.errors import validation
from no502_localstack.acm.store import AcmStore, store_for
from no502_localstack.elbv2 import shapes

Operation = Callable[[AcmStore, dict[str, Any]], dict[str, Any]]
OPERATIONS: dict[str, Operation] = {
    "AddTagsToCertificate": tags.add,
    "DeleteCertificate": certificates.delete_certificate,
    "DescribeCertificate": certificates.describe_certificate,
    "ExportCertificate": certificates.export_certificate,
    "GetAccountConfiguration": certificates.get_account_configuration,
    "GetCertificate": certificates.get_certificate,
    "ImportCertificate": certificates.import_certificate,
    "ListCertificates": certificates.list_certificates,
    "ListTagsForCertificate": tags.show,
    "PutAccountConfiguration": certificates.put_account_configuration,
    "RemoveTagsFromCertificate": tags.remove,
    "RenewCertificate": certificates.renew_certificate,
    "RequestCertificate": certificates.request_certificate,
    "ResendValidationEmail": certificates.resend_validation_email,
    "RevokeCertificate": certificates.revoke_certificate,
    "UpdateCertificateOptions": certificates.update_certificate_options,
}


def dispatch_table() -> DispatchTable:
    model = load_service("acm")

    def handler(name: str, operation: Operation) -> Any:
        shape = model.operation_model(name).input_shape

        def handle(context: RequestContext, request: dict[str, Any] | None) -> dict[str, Any]:
            given = request or {}
            shapes.check(shape, given, validation)
            store = store_for(context.account_id, context.region)
            with store.lock:
                return operation(store, given)

        return handle

    return {name: handler(name, operation) for name, operation in OPERATIONS.items()}
