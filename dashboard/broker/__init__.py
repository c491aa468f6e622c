"""A message broker that is a folder: no server, for one machine.

``folder`` knows files and nothing of Celery; ``transport`` shows the folder to Kombu.
"""
