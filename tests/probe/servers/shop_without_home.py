"""The shop's pages without one at `/`, where a health check without a path goes."""

from shop import urlpatterns as all_pages

urlpatterns = all_pages[1:]
