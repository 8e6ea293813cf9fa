"""`{% csrf_token %}` in every template, including Django's, also renders the account of the page.

It is a builtin library (see TEMPLATES in the settings), so that every form with CSRF protection has the field.
"""

from django import template
from django.template.base import Parser, Token
from django.template.context import Context
from django.template.defaulttags import CsrfTokenNode
from django.utils.html import format_html

from core.page_account import FIELD

register = template.Library()


class FormTokensNode(CsrfTokenNode):
    def render(self, context: Context) -> str:
        token = super().render(context)
        if account := context.get("page_account"):
            return format_html('{}<input type="hidden" name="{}" value="{}">', token, FIELD, account)
        return token


@register.tag
def csrf_token(parser: Parser, token: Token) -> FormTokensNode:
    return FormTokensNode()
