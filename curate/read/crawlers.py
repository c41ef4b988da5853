"""Crawlers whose pages train models: the names by which sites refuse them."""

AI_CRAWLERS = frozenset(
    name.lower()
    for name in (
        "AI2Bot",
        "Ai2Bot-Dolma",
        "Amazonbot",
        "anthropic-ai",
        "Applebot-Extended",
        "Brightbot",
        "Bytespider",
        "CCBot",
        "ChatGLM-Spider",
        "Claude-Web",
        "ClaudeBot",
        "cohere-ai",
        "cohere-training-data-crawler",
        "Cotoyogi",
        "Crawlspace",
        "DeepSeekBot",
        "Diffbot",
        "FacebookBot",
        "FriendlyCrawler",
        "Google-Extended",
        "GoogleOther",
        "GPTBot",
        "ICC-Crawler",
        "img2dataset",
        "laion-huggingface-processor",
        "LAIONDownloader",
        "LCC",
        "meta-externalagent",
        "omgili",
        "omgilibot",
        "PanguBot",
        "PetalBot",
        "SBIntuitionsBot",
        "Scrapy",
        "TikTokSpider",
        "Timpibot",
        "VelenPublicWebCrawler",
        "Webzio-Extended",
        "YandexAdditional",
        "YandexAdditionalBot",
        "Kangaroo Bot",
    )
)
"""Those of the list ai.robots.txt (github.com/ai-robots-txt/ai.robots.txt, 2026) that gather data for the training of models, or
crawls that models are trained on (CCBot); not the ones that fetch a page for a user's question or for a search engine."""
EVERYBODY = "*"


def is_ai_crawler(name: str) -> bool:
    """Whether a product token names a crawler of the list, in either case, with a version behind or not."""
    return product(name) in AI_CRAWLERS


def product(name: str) -> str:
    """`GPTBot/1.1` -> "gptbot"."""
    return name.partition("/")[0].strip().lower()
