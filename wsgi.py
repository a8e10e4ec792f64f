"""The WSGI entry point: ``gunicorn --config=gunicorn.conf.py wsgi:app``."""

from webhook import bootstrap, settings

app, replica, site = bootstrap.webhook(settings.load())
