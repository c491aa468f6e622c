"""What an installation may set: environment variables, secret files and an optional TOML file.

Every name carries the prefix ``HOLDFAST_``. ``HOLDFAST_CONFIG`` names a TOML file with the same
names in lower case and without the prefix; the environment wins over it. A file
``/run/secrets/holdfast_<name>`` is read too.
"""

from __future__ import annotations

import ipaddress
import os
import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, Literal, Self
from urllib.parse import urlsplit

from django.core.exceptions import ImproperlyConfigured
from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    SecretStr,
    ValidationError,
    model_validator,
)
from pydantic_settings import (
    BaseSettings,
    NoDecode,
    PydanticBaseSettingsSource,
    SecretsSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)

import checkpoints
from checkpoints.bodies.encryption import Keyring
from dashboard.mail_servers import MailServer, sender

PREFIX = "HOLDFAST_"
DERIVED_KEY = "secret-key"
"""The name of the key for credentials that is derived from the secret key."""
SECRETS_DIR = Path("/run/secrets")
MIN_SECRET_LENGTH = 50
MIN_SECRET_CHARACTERS = 5
BROKERS = ("redis", "rediss", "amqp", "amqps")


class ConfigurationError(ImproperlyConfigured):
    """A setting that must not be started with; one sentence that names the variable."""


def _split(value: Any) -> Any:
    if isinstance(value, str):
        return tuple(part.strip() for part in value.split(",") if part.strip())
    return value


def _absolute(path: Path) -> Path:
    return path.expanduser().absolute()


def _broker(url: SecretStr) -> SecretStr:
    scheme, separator, _ = url.get_secret_value().partition("://")
    if url.get_secret_value() and (not separator or scheme not in BROKERS):
        raise ValueError(f"it must begin with {' or '.join(f'{name}://' for name in BROKERS)}")
    return url


def _hosts(names: tuple[str, ...]) -> tuple[str, ...]:
    for name in names:
        if "/" in name:
            ipaddress.ip_network(name)
        elif "*" in name or (":" in name and not _is_address(name)):
            raise ValueError(
                f"{name!r} is no host's name, address or network such as 10.0.0.0/8; ports and "
                "stars are not taken"
            )
    return names


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name.strip("[]"))
    except ValueError:
        return False
    return True


def _keys(text: SecretStr) -> SecretStr:
    given = text.get_secret_value()
    if not given:
        return text
    try:
        Keyring.from_text(f"{given},{DERIVED_KEY}:{Keyring.new_key()}")
    except checkpoints.CheckpointError as error:
        raise ValueError(str(error)) from None
    return text


def _mail_server(url: SecretStr) -> SecretStr:
    if url.get_secret_value():
        MailServer.from_url(url.get_secret_value())
    return url


def _public_url(url: str) -> str:
    parts = urlsplit(url)
    if url and (parts.scheme not in ("http", "https") or not parts.hostname or parts.query):
        raise ValueError("it must be an address such as https://holdfast.example.com")
    return url.rstrip("/")


Words = Annotated[tuple[str, ...], NoDecode, BeforeValidator(_split)]
Place = Annotated[Path, AfterValidator(_absolute)]
Places = Annotated[tuple[Place, ...], NoDecode, BeforeValidator(_split)]


class Configuration(BaseSettings):
    """The values, checked. ``source_roots`` are the folders that sources may lie in.

    ``source_hosts`` are the servers that they may lie on, ``credentials_key`` seals what opens
    them; with ``machine_credentials`` this machine's own open buckets. ``notification_hosts`` are
    the servers that messages may go to, ``public_url`` is where their links lead.
    """

    model_config = SettingsConfigDict(
        env_prefix=PREFIX, extra="ignore", frozen=True, hide_input_in_errors=True
    )

    env: Literal["development", "production"] = "development"
    debug: bool = False
    secret_key: SecretStr = SecretStr("")
    allowed_hosts: Words = ()
    database_url: SecretStr = SecretStr("")
    trash_url: SecretStr = SecretStr("")
    trash_grace_hours: int = Field(default=7 * 24, ge=24)
    broker_url: Annotated[SecretStr, AfterValidator(_broker)] = SecretStr("")
    data_dir: Place = Field(default=Path(".holdfast"), validate_default=True)
    port: int = Field(default=8000, ge=0, le=65535)
    static_root: Place | None = None
    source_roots: Places = ()
    source_hosts: Annotated[Words, AfterValidator(_hosts)] = ()
    machine_credentials: bool = False
    credentials_key: Annotated[SecretStr, AfterValidator(_keys)] = SecretStr("")
    notification_hosts: Annotated[Words, AfterValidator(_hosts)] = ()
    email_url: Annotated[SecretStr, AfterValidator(_mail_server)] = SecretStr("")
    email_from: Annotated[str, AfterValidator(sender)] = ""
    public_url: Annotated[str, AfterValidator(_public_url)] = ""
    behind_proxy: bool = False
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"
    recent_login_minutes: int = Field(default=15, ge=1, le=1440)
    push_limit_bytes: int = Field(default=1_000_000, ge=1_000, le=64_000_000)

    @property
    def production(self) -> bool:
        """Whether others than the machine's owner may reach this installation."""
        return self.env == "production"

    @model_validator(mode="after")
    def _refuse_unsafe(self) -> Self:
        if self.production:
            _check_secret_key(self.secret_key.get_secret_value())
            _check_hosts(self.allowed_hosts)
            if self.debug:
                raise ValueError(f"{PREFIX}DEBUG must be off in production")
        return self

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Order the sources: arguments, environment, secret files, TOML."""
        toml_file = os.environ.get(f"{PREFIX}CONFIG")
        toml = TomlConfigSettingsSource(settings_cls, toml_file=toml_file)
        folder = SECRETS_DIR if SECRETS_DIR.is_dir() else None
        return init_settings, env_settings, SecretsSettingsSource(settings_cls, folder), toml


def load_configuration() -> Configuration:
    """Read the configuration. Raises ConfigurationError with one sentence about what is wrong."""
    _check_config_file(os.environ.get(f"{PREFIX}CONFIG"))
    try:
        return Configuration()
    except ValidationError as error:
        raise ConfigurationError(_sentence(error)) from None


def own_address(hosts: Sequence[str], *, port: int, secure: bool) -> str:
    """Return where this dashboard is found when nobody has said so: at its first host."""
    host = next((name.removeprefix(".") for name in hosts if "*" not in name), "localhost")
    return f"https://{host}" if secure else f"http://{host}:{port}"


def _check_config_file(path: str | None) -> None:
    """Raise ConfigurationError when the TOML file cannot be read or sets what nobody knows."""
    if not path:
        return
    try:
        names = set(tomllib.loads(Path(path).read_text()))
    except (OSError, ValueError) as error:
        raise ConfigurationError(f"{PREFIX}CONFIG cannot be read: {path}: {error}.") from None
    unknown = sorted(names - set(Configuration.model_fields))
    if unknown:
        raise ConfigurationError(f"{PREFIX}CONFIG sets {unknown[0]!r}, which is not a setting.")


def _sentence(error: ValidationError) -> str:
    first = error.errors()[0]
    message = str(first["msg"]).removeprefix("Value error, ")
    if not first["loc"]:
        return f"{message}."
    return f"{PREFIX}{str(first['loc'][0]).upper()} is not valid: {message}."


def _check_secret_key(key: str) -> None:
    if len(key) < MIN_SECRET_LENGTH or len(set(key)) < MIN_SECRET_CHARACTERS:
        raise ValueError(
            f"{PREFIX}SECRET_KEY must be a random text of at least {MIN_SECRET_LENGTH} characters "
            "in production, for example the output of `openssl rand -hex 32`"
        )


def _check_hosts(hosts: tuple[str, ...]) -> None:
    if not hosts:
        raise ValueError(
            f"{PREFIX}ALLOWED_HOSTS must name the hosts that this installation answers for "
            "in production, separated by commas"
        )
    if "*" in hosts:
        raise ValueError(f"{PREFIX}ALLOWED_HOSTS must not be '*' in production; name the hosts")
