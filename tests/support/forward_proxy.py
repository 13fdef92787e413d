"""An HTTP proxy (CONNECT) behind which one host is found: another server, by TLS under a certificate authority of its own."""

import contextlib
import socket
import ssl
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

HOST: Final = "gateway.example.com"
_PEM: Final = serialization.Encoding.PEM


class ForwardProxy:
    """A running proxy, in threads of this process.

    Attributes:
        url: The proxy's.
        asked: Each `host:port` that a tunnel was asked for, in order.
        ca_file: Who vouches for `HOST`.

    Args:
        folder: For its files.
        behind: The URL of the server that answers as `HOST`.
    """

    def __init__(self, folder: Path, behind: str) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.ca_file: Final = folder / "ca.pem"
        self.asked: list[str] = []
        parts = urlsplit(behind)
        self._behind = parts.hostname, parts.port
        self._tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._tls.load_cert_chain(_certificates(folder))
        self._server = socket.create_server(("127.0.0.1", 0))
        self.url: Final = f"http://127.0.0.1:{self._server.getsockname()[1]}"
        threading.Thread(target=self._accept, daemon=True).start()

    def stop(self) -> None:
        """End it; tunnels that are open end with their other end."""
        # Closing alone would not wake up who accepts.
        with contextlib.suppress(OSError):
            self._server.shutdown(socket.SHUT_RDWR)
        self._server.close()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self._server.accept()
                threading.Thread(target=self._tunnel, args=(connection,), daemon=True).start()

    def _tunnel(self, connection: socket.socket) -> None:
        with contextlib.suppress(OSError), connection:
            request = b""
            while not request.endswith(b"\r\n\r\n"):
                request += connection.recv(1)
            method, target, _ = request.decode().split("\r\n")[0].split(" ")
            self.asked.append(target)
            if method != "CONNECT" or target.partition(":")[0] != HOST:
                connection.sendall(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n")
                return
            connection.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
            with (
                self._tls.wrap_socket(connection, server_side=True) as caller,
                socket.create_connection(self._behind) as server,
            ):
                back = threading.Thread(target=_copy, args=(server, caller), daemon=True)
                back.start()
                _copy(caller, server)
                back.join()


def _copy(source: socket.socket, target: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while content := source.recv(65536):
            target.sendall(content)
        target.shutdown(socket.SHUT_WR)


def _certificates(folder: Path) -> Path:
    """Make an authority, whose certificate is `ca.pem`, and what it says of `HOST`; gives the file with that and its key."""
    authority, key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    root = _signed("authority", authority, authority, x509.BasicConstraints(ca=True, path_length=0))
    leaf = _signed(HOST, key, authority, x509.SubjectAlternativeName([x509.DNSName(HOST)]))
    (folder / "ca.pem").write_bytes(root.public_bytes(_PEM))
    private = key.private_bytes(_PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    file = folder / "host.pem"
    file.write_bytes(leaf.public_bytes(_PEM) + private)
    return file


def _signed(
    name: str,
    key: ec.EllipticCurvePrivateKey,
    authority: ec.EllipticCurvePrivateKey,
    extension: x509.ExtensionType,
) -> x509.Certificate:
    now = datetime.now(UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]))
        .issuer_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "authority")]))
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(extension, critical=isinstance(extension, x509.BasicConstraints))
        .sign(authority, hashes.SHA256())
    )
