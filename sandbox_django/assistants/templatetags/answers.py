from django import template

from assistants.services.failures import words_for

register = template.Library()

register.filter("words_for", words_for)
