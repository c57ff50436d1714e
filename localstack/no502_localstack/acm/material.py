"""Keys and certificates: making those that ACM "issues", and judging those that are imported.

API, ImportCertificate and user guide, "Prerequisites for importing ACM certificates".
"""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from functools import lru_cache
from typing import Any

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.x509.oid import NameOID

from no502_localstack import choices
from no502_localstack.acm.errors import validation

_CURVES = {"secp256r1": "EC_prime256v1", "secp384r1": "EC_secp384r1", "secp521r1": "EC_secp521r1"}
_RSA_SIZES = (1024, 2048, 3072, 4096)
_LIFETIME = timedelta(days=198)


def key_algorithm(key: Any) -> str | None:
    """The name in the service model's enum, or None for keys that ACM does not know."""
    if isinstance(key, rsa.RSAPublicKey) and key.key_size in _RSA_SIZES:
        return f"RSA_{key.key_size}"
    if isinstance(key, ec.EllipticCurvePublicKey):
        return _CURVES.get(key.curve.name)
    return None


def spelled(algorithm: str) -> str:
    """As DescribeCertificate spells it; the one place where the spelling is decided."""
    return algorithm.replace("_", "-", 1) if choices.ACM_KEY_ALGORITHM_HYPHEN else algorithm


def _pem(certificate: x509.Certificate) -> str:
    return certificate.public_bytes(serialization.Encoding.PEM).decode()


@lru_cache(maxsize=1)
def _authority() -> tuple[Any, x509.Certificate]:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([
        x509.NameAttribute(NameOID.COUNTRY_NAME, "US"), x509.NameAttribute(NameOID.ORGANIZATION_NAME, "Amazon"),
        x509.NameAttribute(NameOID.COMMON_NAME, "Amazon RSA 2048 M02"),
    ])
    start = datetime.now(timezone.utc) - timedelta(days=1)
    certificate = (
        x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
        .serial_number(x509.random_serial_number()).not_valid_before(start)
        .not_valid_after(start + timedelta(days=3650))
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True).sign(key, hashes.SHA256())
    )
    return key, certificate


def issue(names: list[str], algorithm: str) -> tuple[str, str, str, x509.Certificate]:
    """Body, chain, key and leaf of a certificate that "Amazon" issues."""
    key: Any
    if algorithm.startswith("EC_"):
        key = ec.generate_private_key(ec.SECP256R1() if "256" in algorithm else ec.SECP384R1())
    else:
        key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    authority_key, authority = _authority()
    start = datetime.now(timezone.utc) - timedelta(minutes=1)
    leaf = (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, names[0][:64])]))
        .issuer_name(authority.subject).public_key(key.public_key()).serial_number(x509.random_serial_number())
        .not_valid_before(start).not_valid_after(start + _LIFETIME)
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name) for name in names]), critical=False)
        .sign(authority_key, hashes.SHA256())
    )
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ).decode()
    return _pem(leaf), _pem(authority), private, leaf


def names_of(leaf: x509.Certificate) -> list[str]:
    """The common name first, then the alternative names, each once."""
    common = [str(a.value) for a in leaf.subject.get_attributes_for_oid(NameOID.COMMON_NAME)]
    try:
        extension = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        alternatives = extension.get_values_for_type(x509.DNSName)
    except x509.ExtensionNotFound:
        alternatives = []
    domain = [name for name in common if "." in name and " " not in name]
    return list(dict.fromkeys([*domain[:1], *alternatives]))


def imported(body: bytes, key_pem: bytes, chain: bytes | None) -> tuple[str, str | None, str, x509.Certificate, str]:
    """Body, chain, key, leaf and key algorithm of an import; raises what ACM would answer."""
    if body.count(b"-----BEGIN CERTIFICATE-----") > 1:
        raise validation(
            "The certificate field contains more than one certificate. You can specify only one certificate in this "
            "field."
        )
    leaf = _load(body, "The certificate is not in a valid PEM format.")
    key = _load_key(key_pem)
    algorithm = key_algorithm(leaf.public_key())
    if algorithm is None:
        raise validation("The certificate's key algorithm or key size is not supported.")
    moment = datetime.now(timezone.utc)
    if leaf.not_valid_before_utc > moment:
        raise validation("The certificate is not in effect yet, is not valid.")
    if leaf.not_valid_after_utc < moment:
        raise validation("The certificate has expired, is not valid.")
    if not list(leaf.issuer):
        raise validation("The certificate's issuer field must not be empty.")
    if _public(key.public_key()) != _public(leaf.public_key()):
        raise validation("The private key does not match the certificate.")
    if chain is not None:
        _check_chain(leaf, chain)
    return body.decode(), chain.decode() if chain else None, key_pem.decode(), leaf, algorithm


def _public(key: Any) -> bytes:
    return key.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)


def _load(body: bytes, message: str) -> x509.Certificate:
    try:
        return x509.load_pem_x509_certificate(body)
    except ValueError as cause:
        raise validation(message) from cause


def _load_key(pem: bytes) -> Any:
    try:
        return serialization.load_pem_private_key(pem, password=None)
    except TypeError as cause:
        raise validation("The private key is encrypted. Provide it unencrypted.") from cause
    except ValueError as cause:
        raise validation("The private key is not in a valid PEM format or is not supported.") from cause


def _check_chain(leaf: x509.Certificate, chain: bytes) -> None:
    """Each certificate must be signed by the next one."""
    try:
        links = x509.load_pem_x509_certificates(chain)
    except ValueError as cause:
        raise validation("The certificate chain is not in a valid PEM format.") from cause
    for lower, upper in zip([leaf, *links], links):
        if lower.issuer != upper.subject or not _signed(lower, upper.public_key()):
            raise validation("Could not validate the certificate with the certificate chain.")


def _signed(certificate: x509.Certificate, key: Any) -> bool:
    algorithm = certificate.signature_hash_algorithm
    if algorithm is None:
        return False
    try:
        if isinstance(key, rsa.RSAPublicKey):
            key.verify(certificate.signature, certificate.tbs_certificate_bytes, padding.PKCS1v15(), algorithm)
        elif isinstance(key, ec.EllipticCurvePublicKey):
            key.verify(certificate.signature, certificate.tbs_certificate_bytes, ec.ECDSA(algorithm))
        else:
            return False
    except InvalidSignature:
        return False
    return True
