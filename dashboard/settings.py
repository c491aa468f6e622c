"""Django's settings, derived from the configuration; nothing else reads the environment."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from csp.constants import NONE, SELF

from dashboard.configuration import ConfigurationError, load_configuration, own_address
from dashboard.data_folder import prepare_data_dir, secret_key
from dashboard.databases import database_settings, trash_url
from dashboard.logs import logging_settings

PACKAGE = Path(__file__).resolve().parent
_ONE_YEAR_SECONDS = 365 * 24 * 3600


def _packed(name: str) -> Path:
    """Return a folder of templates or static files: inside an installed package, else beside it."""
    inside = PACKAGE / f"_{name}"
    return inside if inside.is_dir() else PACKAGE.parent / name


try:
    CONFIGURATION = load_configuration()
    _database_url = CONFIGURATION.database_url.get_secret_value()
    BROKER_URL = CONFIGURATION.broker_url.get_secret_value()
    DATA_DIR = CONFIGURATION.data_dir
    SECRET_KEY = CONFIGURATION.secret_key.get_secret_value()
    if not (_database_url and BROKER_URL and SECRET_KEY):
        prepare_data_dir(DATA_DIR)
    SECRET_KEY = SECRET_KEY or secret_key(DATA_DIR)
    DATABASES = {"default": database_settings(_database_url, default=DATA_DIR / "dashboard.db")}
except ConfigurationError as error:
    sys.exit(f"holdfast: {error}")

PRODUCTION = CONFIGURATION.production
DEBUG = CONFIGURATION.debug
PORT = CONFIGURATION.port
ALLOWED_HOSTS = list(CONFIGURATION.allowed_hosts) or ["localhost", "127.0.0.1", "[::1]"]
HOLDFAST_TRASH_URL = CONFIGURATION.trash_url.get_secret_value() or trash_url(
    _database_url, default=DATA_DIR / "trash.db"
)
HOLDFAST_TRASH_GRACE_HOURS = CONFIGURATION.trash_grace_hours
HOLDFAST_PUSH_LIMIT_BYTES = CONFIGURATION.push_limit_bytes
HOLDFAST_RECENT_LOGIN_MINUTES = CONFIGURATION.recent_login_minutes
HOLDFAST_SOURCE_ROOTS: tuple[Path, ...] = CONFIGURATION.source_roots or (
    (DATA_DIR,) if PRODUCTION else ()
)
HOLDFAST_SOURCE_HOSTS: tuple[str, ...] = CONFIGURATION.source_hosts or (
    ("public",) if PRODUCTION else ("public", "localhost", "127.0.0.0/8", "::1")
)
HOLDFAST_NOTIFICATION_HOSTS: tuple[str, ...] = CONFIGURATION.notification_hosts or (
    ("public",) if PRODUCTION else ("public", "localhost", "127.0.0.0/8", "::1")
)
HOLDFAST_EMAIL_URL = CONFIGURATION.email_url.get_secret_value()
HOLDFAST_EMAIL_FROM = CONFIGURATION.email_from
HOLDFAST_PUBLIC_URL = CONFIGURATION.public_url or own_address(
    ALLOWED_HOSTS, port=PORT, secure=PRODUCTION
)
HOLDFAST_MACHINE_CREDENTIALS = CONFIGURATION.machine_credentials
HOLDFAST_CREDENTIALS_KEY = CONFIGURATION.credentials_key.get_secret_value()

INSTALLED_APPS = [
    "whitenoise.runserver_nostatic",
    "dashboard.apps.DashboardConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.contrib.humanize",
    "dashboard.apps.AdminConfig",
    "allauth",
    "allauth.account",
    "allauth.mfa",
    "csp",
    "django_htmx",
]

MIDDLEWARE = [
    "dashboard.middleware.requests.RequestMiddleware",
    "dashboard.middleware.health.HealthMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "dashboard.middleware.headers.HeadersMiddleware",
    "dashboard.middleware.requests.QueryMiddleware",
    "csp.middleware.CSPMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "dashboard.middleware.recent_login.RecentLoginMiddleware",
    "dashboard.middleware.login.LoginRequiredMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
]

ROOT_URLCONF = "dashboard.urls"
WSGI_APPLICATION = "dashboard.wsgi.application"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

TEMPLATES: list[dict[str, Any]] = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [_packed("templates")],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
        },
    }
]

STATIC_URL = "static/"
STATICFILES_DIRS = [_packed("static")]
STATIC_ROOT = CONFIGURATION.static_root
WHITENOISE_USE_FINDERS = STATIC_ROOT is None
"""Without a folder of collected files they are served from where they lie."""
WHITENOISE_AUTOREFRESH = False
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.InMemoryStorage"},
    "staticfiles": {
        "BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"
        if WHITENOISE_USE_FINDERS
        else "whitenoise.storage.CompressedManifestStaticFilesStorage"
    },
}

LANGUAGE_CODE = "en"
TIME_ZONE = "UTC"
USE_TZ = True

_redis = BROKER_URL.startswith(("redis://", "rediss://"))
CACHES: dict[str, dict[str, Any]] = {
    "default": {
        "BACKEND": "django.core.cache.backends.redis.RedisCache",
        "LOCATION": BROKER_URL,
        "KEY_PREFIX": "holdfast-cache",
    }
    if _redis
    else {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}
}
"""Counts wrong passwords, so web processes on several machines need the shared one."""

AUTH_USER_MODEL = "dashboard.User"
AUTHENTICATION_BACKENDS = ["allauth.account.auth_backends.AuthenticationBackend"]
PASSWORD_HASHERS = ["django.contrib.auth.hashers.Argon2PasswordHasher"]
AUTH_PASSWORD_VALIDATORS: list[dict[str, Any]] = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {
        "NAME": "django.contrib.auth.password_validation.MinimumLengthValidator",
        "OPTIONS": {"min_length": 12},
    },
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]
LOGIN_URL = "account_login"
LOGIN_REDIRECT_URL = "overview"
ACCOUNT_ADAPTER = "dashboard.accounts.AccountAdapter"
ACCOUNT_LOGIN_METHODS = {"username"}
ACCOUNT_SIGNUP_FIELDS = ["username*", "password1*", "password2*"]
ACCOUNT_EMAIL_VERIFICATION = "none"
ACCOUNT_EMAIL_NOTIFICATIONS = False
ACCOUNT_LOGOUT_REDIRECT_URL = "account_login"
ACCOUNT_SESSION_REMEMBER = True
ACCOUNT_REAUTHENTICATION_TIMEOUT = HOLDFAST_RECENT_LOGIN_MINUTES * 60
ACCOUNT_RATE_LIMITS = {"login_failed": "10/m/ip,5/15m/key"}
ALLAUTH_TRUSTED_PROXY_COUNT = 1 if CONFIGURATION.behind_proxy else 0
MFA_SUPPORTED_TYPES = ["totp", "webauthn", "recovery_codes"]
MFA_PASSKEY_LOGIN_ENABLED = True
MFA_TOTP_ISSUER = "Holdfast"
MFA_WEBAUTHN_ALLOW_INSECURE_ORIGIN = not PRODUCTION
EMAIL_BACKEND = "django.core.mail.backends.dummy.EmailBackend"

SESSION_COOKIE_HTTPONLY = True
CSRF_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = CSRF_COOKIE_SAMESITE = "Lax"
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = PRODUCTION
SESSION_COOKIE_NAME = "__Host-holdfast" if PRODUCTION else f"holdfast-{PORT}"
CSRF_COOKIE_NAME = "__Host-holdfast-csrf" if PRODUCTION else f"holdfast-csrf-{PORT}"
SESSION_COOKIE_AGE = 14 * 24 * 3600
CSRF_FAILURE_VIEW = "dashboard.views.errors.csrf_failure"

SECURE_SSL_REDIRECT = PRODUCTION
SECURE_PROXY_SSL_HEADER = (
    ("HTTP_X_FORWARDED_PROTO", "https") if CONFIGURATION.behind_proxy else None
)
SECURE_HSTS_SECONDS = _ONE_YEAR_SECONDS if PRODUCTION else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = SECURE_HSTS_PRELOAD = PRODUCTION
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
SECURE_CROSS_ORIGIN_OPENER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [NONE],
        "script-src": [SELF],
        "style-src": [SELF],
        "img-src": [SELF],
        "connect-src": [SELF],
        "font-src": [SELF],
        "form-action": [SELF],
        "base-uri": [NONE],
        "frame-ancestors": [NONE],
    }
}

DATA_UPLOAD_MAX_MEMORY_SIZE = HOLDFAST_PUSH_LIMIT_BYTES
FILE_UPLOAD_HANDLERS = ["django.core.files.uploadhandler.MemoryFileUploadHandler"]
DATA_UPLOAD_MAX_NUMBER_FIELDS = 1000
DATA_UPLOAD_MAX_NUMBER_FILES = 1

LOGGING = logging_settings(level=CONFIGURATION.log_level, json=PRODUCTION)
