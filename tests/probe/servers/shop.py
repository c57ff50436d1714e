"""The Django application of the real-server tests: a shop with a health endpoint, and a page for each mistake.

Does: build itself from the settings it is given, so that each arrangement differs from a good one in one setting.
Does not: use a database, unless `HEALTH_ASKS_DATABASE` says so; then there is one that cannot be opened.
"""

import time

import django
from django.conf import settings
from django.core.handlers.asgi import ASGIHandler
from django.core.handlers.wsgi import WSGIHandler
from django.http import HttpResponse, JsonResponse
from django.urls import path

PLAIN = ["django.middleware.security.SecurityMiddleware", "django.middleware.common.CommonMiddleware"]
GOOD = {
    "DEBUG": False,
    "SECRET_KEY": "only for tests",
    "ROOT_URLCONF": "shop",
    "USE_TZ": True,
    "ALLOWED_HOSTS": ["shop.example.com"],
    "MIDDLEWARE": ["shop.answer_health_checks", *PLAIN],
    "DATABASES": {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": "/nowhere/shop.db"}},
    "LOGGING_CONFIG": None,
    "HEALTH_ASKS_DATABASE": False,
}


def configure(**changes):
    """Makes `application` (WSGI) and `asgi` (ASGI) of the good settings and these changes."""
    settings.configure(**(GOOD | changes))
    django.setup(set_prefix=False)
    globals().update(application=WSGIHandler(), asgi=ASGIHandler())


def health(request):
    if settings.HEALTH_ASKS_DATABASE:
        from django.db import connection

        connection.cursor()
    return JsonResponse({"status": "ok"})


def answer_health_checks(get_response):
    """The middleware before all others: health checks are answered whatever their Host and scheme are."""
    return lambda request: health(request) if request.path == "/api/health/" else get_response(request)


def home(request):
    # a large body is read, as uploads are
    return HttpResponse(f"hello, {len(request.body)} bytes")


def slow(request):
    time.sleep(3)
    return HttpResponse("at last")


def private(request):
    return HttpResponse("who are you?", status=401, headers={"WWW-Authenticate": 'Basic realm="shop"'})


def cookies(request):
    answer = HttpResponse("many cookies")
    answer["X-Large"] = "x" * 9000
    return answer


urlpatterns = [path("", home), path("api/health/", health), path("private/", private), path("cookies/", cookies),
               path("slow/", slow)]
