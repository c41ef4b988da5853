"""Planted secrets: how many of 60 kinds are replaced in ten languages, and what of harmless look-alikes is.

    python -m benchmarks.secrets

Beside the detectors with fixed forms of detect-secrets alone. Every kind is made up anew for every language, from a fixed seed.
"""

import random
import re
import string

from detect_secrets.core.scan import scan_line
from detect_secrets.settings import transient_settings

from curate.filters.base import Document
from curate.filters.secrets import DETECTORS, Secrets

ALNUM, HEX, LOWER, URL = string.ascii_letters + string.digits, "0123456789abcdef", string.ascii_lowercase + string.digits, string.ascii_letters + string.digits + "_-"  # fmt: skip
LANGUAGES = {
    "python": '{name} = "{value}"',
    "javascript": "const {name} = '{value}';",
    "java": 'private static final String {name} = "{value}";',
    "go": '{name} := "{value}"',
    "ruby": "{name} = '{value}'",
    "php": "${name} = '{value}';",
    "c": '#define {name} "{value}"',
    "shell": 'export {name}="{value}"',
    "yaml": '{name}: "{value}"',
    "json": '  "{name}": "{value}",',
}


def _some(rng: random.Random, alphabet: str, count: int) -> str:
    return "".join(rng.choice(alphabet) for _ in range(count))


def kinds(rng: random.Random) -> dict[str, tuple[str, str]]:
    """Kind to (name of the variable, secret)."""
    r = lambda alphabet, n: _some(rng, alphabet, n)  # noqa: E731 - a word for a table
    upper = string.ascii_uppercase + string.digits
    return {
        "GitHub classic": ("token", "ghp_" + r(ALNUM, 36)),
        "GitHub fine-grained": ("token", "github_pat_" + r(ALNUM, 22) + "_" + r(ALNUM, 59)),
        "GitHub OAuth": ("x", "gho_" + r(ALNUM, 36)),
        "GitHub app": ("x", "ghs_" + r(ALNUM, 36)),
        "GitHub refresh": ("x", "ghr_" + r(ALNUM, 76)),
        "GitLab PAT": ("x", "glpat-" + r(URL, 20)),
        "GitLab runner": ("x", "glrt-" + r(URL, 20)),
        "GitLab deploy": ("x", "gldt-" + r(URL, 20)),
        "OpenAI old": ("x", "sk-" + r(ALNUM, 20) + "T3BlbkFJ" + r(ALNUM, 20)),
        "OpenAI project": ("x", "sk-proj-" + r(URL, 74) + "T3BlbkFJ" + r(URL, 74)),
        "OpenAI service": ("x", "sk-svcacct-" + r(URL, 58) + "T3BlbkFJ" + r(URL, 58)),
        "Anthropic": ("x", "sk-ant-api03-" + r(URL, 93) + "AA"),
        "Anthropic admin": ("x", "sk-ant-admin01-" + r(URL, 93) + "AA"),
        "Google API": ("x", "AIza" + r(ALNUM, 35)),
        "Google OAuth secret": ("x", "GOCSPX-" + r(ALNUM, 28)),
        "Google access": ("x", "ya29." + r(URL, 60)),
        "Hugging Face": ("x", "hf_" + r(string.ascii_letters, 34)),
        "Hugging Face org": ("x", "api_org_" + r(string.ascii_letters, 34)),
        "AWS id": ("x", "AKIA" + r("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567", 16)),
        "AWS session id": ("x", "ASIA" + r("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567", 16)),
        "AWS secret": ("aws_secret_access_key", r(ALNUM + "/+", 40)),
        "Slack bot": ("x", f"xoxb-{r('123456789', 12)}-{r('123456789', 12)}-{r(ALNUM, 24)}"),
        "Slack user": ("x", f"xoxp-{r('123456789', 12)}-{r('123456789', 12)}-{r('123456789', 12)}-{r(HEX, 32)}"),
        "Slack app": ("x", f"xapp-1-A{r(upper, 10)}-{r('123456789', 13)}-{r(HEX, 64)}"),
        "Slack webhook": ("x", f"https://hooks.slack.com/services/T{r(upper, 8)}/B{r(upper, 10)}/{r(ALNUM, 24)}"),
        "Stripe live": ("x", "sk_live_" + r(ALNUM, 24)),
        "Stripe restricted": ("x", "rk_live_" + r(ALNUM, 24)),
        "Stripe webhook": ("x", "whsec_" + r(ALNUM, 32)),
        "JWT": ("x", f"eyJhbGciOiJIUzI1NiJ9.eyJ{r(URL, 40)}.{r(URL, 43)}"),
        "npm": ("x", "npm_" + r(ALNUM, 36)),
        "PyPI": ("x", "pypi-AgEIcHlwaS5vcmc" + r(URL, 70)),
        "SendGrid": ("x", f"SG.{r(URL, 22)}.{r(URL, 43)}"),
        "Mailgun": ("mailgun_key", "key-" + r(HEX, 32)),
        "Mailchimp": ("mailchimp_key", r(HEX, 32) + "-us12"),
        "Twilio SID": ("x", "SK" + r(HEX, 32)),
        "Telegram": ("telegram_token", f"{r('123456789', 9)}:AA{r(URL, 33)}"),
        "Discord": ("discord_token", f"M{r(ALNUM, 23)}.{r(ALNUM, 6)}.{r(URL, 27)}"),
        "Square": ("x", "sq0csp-" + r(URL, 43)),
        "Shopify": ("x", "shpat_" + r(HEX, 32)),
        "DigitalOcean": ("x", "dop_v1_" + r(HEX, 64)),
        "Heroku": ("heroku_api_key", f"{r(HEX, 8)}-{r(HEX, 4)}-4{r(HEX, 3)}-a{r(HEX, 3)}-{r(HEX, 12)}"),
        "Databricks": ("x", "dapi" + r(HEX, 32)),
        "Docker": ("x", "dckr_pat_" + r(URL, 27)),
        "Grafana": ("x", "glsa_" + r(ALNUM, 32) + "_" + r(HEX, 8)),
        "HashiCorp Vault": ("x", "hvs." + r(URL, 96)),
        "Linear": ("x", "lin_api_" + r(ALNUM, 40)),
        "Notion": ("x", "ntn_" + r("123456789", 11) + r(ALNUM, 35)),
        "New Relic": ("x", "NRAK-" + r(upper, 27)),
        "Postman": ("x", f"PMAK-{r(HEX, 24)}-{r(HEX, 34)}"),
        "Pulumi": ("x", "pul-" + r(HEX, 40)),
        "Sentry": ("x", "sntryu_" + r(HEX, 64)),
        "Replicate": ("x", "r8_" + r(ALNUM, 37)),
        "Groq": ("x", "gsk_" + r(ALNUM, 52)),
        "age key": ("x", "AGE-SECRET-KEY-1" + r("QPZRY9X8GF2TVDW0S3JN54KHCE6MUA7L", 58)),
        "Private key": ("x", "-----BEGIN PRIVATE KEY-----" + r(ALNUM, 200) + "-----END PRIVATE KEY-----"),
        "Password": ("db_password", r(ALNUM, 8) + "9!" + r(ALNUM, 3)),
        "API key": ("api_key", r(LOWER, 32)),
        "Address with password": ("x", f"postgres://app:{r(ALNUM, 12)}@db.acme.io/x"),
        "E-mail": ("x", f"{r(string.ascii_lowercase, 6)}.{r(string.ascii_lowercase, 7)}@{r(string.ascii_lowercase, 8)}.museum"),
        "IP address": ("x", f"{rng.randint(80, 90)}.{rng.randint(100, 200)}.{rng.randint(1, 250)}.{rng.randint(1, 250)}"),
    }  # fmt: skip


def harmless(rng: random.Random) -> list[tuple[str, str]]:
    """(name, value) of what looks like a secret and is none."""
    r = lambda alphabet, n: _some(rng, alphabet, n)  # noqa: E731
    uuid = f"{r(HEX, 8)}-{r(HEX, 4)}-4{r(HEX, 3)}-a{r(HEX, 3)}-{r(HEX, 12)}"
    return [
        ("md5", r(HEX, 32)), ("sha1", r(HEX, 40)), ("sha256", r(HEX, 64)), ("cache_key", r(HEX, 40)), ("id", uuid), ("key_id", uuid),
        ("integrity", "sha512-" + r(ALNUM, 86) + "=="), ("commit", r(HEX, 40)), ("password", "changeme"), ("password", "your-password-here"),
        ("password", "${DB_PASSWORD}"), ("token", "<TOKEN>"), ("api_key", "YOUR_API_KEY"), ("secret", "process.env.SECRET"), ("password_field", "password"),
        ("email", "jane@example.com"), ("email", "user@example.org"), ("author", "noreply@github.com"), ("remote", "git@github.com:a/b.git"),
        ("host", "127.0.0.1"), ("host", "192.168.1.20"), ("net", "10.0.0.0"), ("dns", "8.8.8.8"), ("doc", "203.0.113.7"), ("version", "1.12.4.2"),
        ("expression", "a@b.shape"), ("css", "sk-button-primary-large"), ("name", "token_authentication_backend"), ("kind", "pypi-publish-action"),
        ("color", "#a1b2c3"), ("vector", "0x" + r(HEX, 64)), ("base64", "aGVsbG8gd29ybGQ="), ("oid", "1.3.6.1.4.1.311"), ("aws", "AKIAIOSFODNN7EXAMPLE"),
    ]  # fmt: skip


def _ours(text: str, secret: str) -> bool:
    """Whether the longest run of letters and digits of the secret is gone; for no secret, whether anything was replaced."""
    out = Secrets()(Document("1", text)).doc.text
    core = max(re.findall(r"[A-Za-z0-9+/_]{8,}", secret), key=len, default=secret)
    return out != text if not secret else core not in out


def _theirs(text: str) -> bool:
    plugins = [{"name": name} for _, name in DETECTORS] + [
        {"name": "PrivateKeyDetector"},
        {"name": "JwtTokenDetector"},
        {"name": "IPPublicDetector"},
        {"name": "KeywordDetector"},
    ]
    with transient_settings({"plugins_used": plugins}):
        return any(True for line in text.splitlines() for _ in scan_line(line))


def main() -> None:
    rng = random.Random(7)
    names = list(kinds(random.Random(0)))
    hits = {name: [0, 0] for name in names}
    false, harm = [0, 0], 0
    for form in LANGUAGES.values():
        for name, (variable, secret) in kinds(rng).items():
            text = f"x = 1\n{form.format(name=variable, value=secret)}\n"
            hits[name][0] += _ours(text, secret)
            hits[name][1] += _theirs(text)
        for variable, value in harmless(rng):
            text = f"x = 1\n{form.format(name=variable, value=value)}\n"
            harm += 1
            false[0] += _ours(text, "")
            false[1] += _theirs(text)
            if _ours(text, ""):
                print("harmless, replaced:", text.splitlines()[1][:100])
    print("| kind | curate, of 10 | detect-secrets, of 10 |\n|---|---|---|")
    for name, (a, b) in hits.items():
        print(f"| {name} | {a} | {b} |")
    for tool, n in (("curate", 0), ("detect-secrets", 1)):
        found = sum(row[n] for row in hits.values())
        print(
            f"{tool}: recall {found} of {len(hits) * 10}, harmless taken {false[n]} of {harm}, precision {found / max(1, found + false[n]):.3f}"
        )


if __name__ == "__main__":
    main()
