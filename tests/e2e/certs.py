"""Certificates for tests: an authority, and what it vouches for, rightly or wrongly."""

import datetime
import ipaddress
import os

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

DAY = datetime.timedelta(days=1)


def name(text):
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def with_key_ids(builder, key, signer):
    """Which key is whose: strict clients (Python 3.13) ask for it."""
    return builder.add_extension(
        x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False
    ).add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key()), critical=False)


class Authority:
    """Signs certificates and writes them as PEM files into a folder."""

    def __init__(self, folder, called="test authority"):
        self.folder = str(folder)
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.name = name(called)
        now = datetime.datetime.now(datetime.timezone.utc)
        self.cert = (
            with_key_ids(x509.CertificateBuilder(), self.key, self.key)
            .subject_name(self.name)
            .issuer_name(self.name)
            .public_key(self.key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - DAY)
            .not_valid_after(now + 30 * DAY)
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .add_extension(
                x509.KeyUsage(False, False, False, False, False, True, True, False, False), critical=True
            )
            .sign(self.key, hashes.SHA256())
        )
        self.file = self.write("ca-" + called.replace(" ", "-") + ".pem", self.pem(self.cert))

    @staticmethod
    def pem(cert):
        return cert.public_bytes(serialization.Encoding.PEM)

    def write(self, called, data):
        path = os.path.join(self.folder, called)
        with open(path, "wb") as f:
            f.write(data)
        return path

    def issue(self, called, hosts=("127.0.0.1",), begin=-1, end=30, own=False):
        """A certificate for these hosts, valid from `begin` to `end` days from now, self-signed
        with `own`.  Returns the files of certificate and key."""
        key = ec.generate_private_key(ec.SECP256R1())
        now = datetime.datetime.now(datetime.timezone.utc)
        names = []
        for h in hosts:
            try:
                names.append(x509.IPAddress(ipaddress.ip_address(h)))
            except ValueError:
                names.append(x509.DNSName(h))
        cert = (
            with_key_ids(x509.CertificateBuilder(), key, key if own else self.key)
            .subject_name(name(called))
            .issuer_name(name(called) if own else self.name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now + begin * DAY)
            .not_valid_after(now + end * DAY)
            .add_extension(x509.SubjectAlternativeName(names), critical=False)
            .sign(key if own else self.key, hashes.SHA256())
        )
        private = key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        return self.write(called + ".pem", self.pem(cert)), self.write(called + ".key", private)
