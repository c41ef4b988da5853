"""What a dump says of its wiki: its language and the names of its namespaces. Links are told apart by them."""

from dataclasses import dataclass, field

FILE, CATEGORY, SPECIAL, MEDIA = 6, 14, -1, -2
CANONICAL = {"media": MEDIA, "special": SPECIAL, "file": FILE, "image": FILE, "category": CATEGORY, "template": 10}
"""Names that each wiki understands beside its own (MediaWiki, languages/messages/MessagesEn.php: namespaceNames)."""
FILE_ALIASES = (
    "bild bestand afbeelding fichier imagen archivo immagine plik grafika ficheiro imagem файл изображение картинка зображення "
    "слика датотека slika datoteka kép fájl fișier fişier imagine soubor obrázek fil billede imatge fitxer bilde tiedosto kuva "
    "dosya resim tập_tin hình ファイル 画像 文件 图像 圖像 檔案 파일 그림 ملف صورة تصویر پرونده קובץ תמונה चित्र berkas gambar αρχείο εικόνα"
)
"""Older names of the namespace of files, which a dump does not list."""
LANGUAGES = """
    aa ab ace af ak als alt am an ang ar arc ary arz as ast atj av avk awa ay az azb ba ban bar bcl be be-tarask
    be-x-old bg bh bi bjn bm bn bo bpy br bs bug bxr ca cbk-zam cdo ce ceb ch chr chy ckb co cr crh cs csb cu cv cy da
    de din diq dsb dty dv dz ee el eml en eo es et eu ext fa ff fi fj fo fr frp frr fur fy ga gag gan gcr gd gl glk gn
    gom gor got gu gv ha hak haw he hi hif hr hsb ht hu hy hyw ia id ie ig ik ilo inh io is it iu ja jam jbo jv ka kaa
    kab kbd kbp kg ki kk kl km kn ko koi krc ks ksh ku kv kw ky la lad lb lbe lez lfn lg li lij lld lmo ln lo lt ltg lv
    mad mai map-bms mdf mg mhr mi min mk ml mn mni mnw mr mrj ms mt mwl my myv mzn na nah nap nds nds-nl ne new nl nn no
    nov nqo nrm nso nv ny oc olo om or os pa pag pam pap pcd pdc pfl pi pih pl pms pnb pnt ps pt qu rm rmy rn ro roa-rup
    roa-tara ru rue rw sa sah sat sc scn sco sd se sg sh shi si simple sk skr sl sm smn sn so sq sr srn ss st stq su sv
    sw szl ta tcy te tet tg th ti tk tl tn to tpi tr ts tt tum tw ty tyv udm ug uk ur uz ve vec vep vi vls vo wa war wo
    wuu xal xh xmf yi yo za zea zh zh-classical zh-min-nan zh-yue zu
"""
"""Prefixes of links to the same article in other languages (the codes of the wikis of Wikimedia)."""
CODES = frozenset(LANGUAGES.split())


@dataclass(frozen=True, slots=True)
class Site:
    """A wiki."""

    database: str = "enwiki"
    language: str = "en"
    base: str = "https://en.wikipedia.org/wiki/Main_Page"
    namespaces: dict[str, int] = field(default_factory=dict)
    """Lower-case name -> number, as the dump states it."""

    def namespace(self, prefix: str) -> int | None:
        """The namespace of a link's prefix; None for what is no namespace."""
        key = prefix.strip().replace("_", " ").lower()
        found = self.namespaces.get(key)
        return KNOWN_NAMES.get(key) if found is None else found

    @staticmethod
    def is_language(prefix: str) -> bool:
        """Whether a link's prefix leads to the wiki of another language."""
        return prefix.strip().lower() in CODES

    def of_title(self, title: str) -> int:
        """The namespace of a page by its title: for dumps that do not state it (before version 0.6 of the format)."""
        prefix, colon, _ = title.partition(":")
        return (self.namespaces.get(prefix.replace("_", " ").lower()) or 0) if colon else 0

    def url(self, title: str) -> str:
        """The address of a page."""
        from urllib.parse import quote

        folder = self.base.rpartition("/")[0]
        return f"{folder}/{quote(title.replace(' ', '_'), safe='/:@!$*(),;')}"


KNOWN_NAMES = {**CANONICAL, **{name.replace("_", " "): FILE for name in FILE_ALIASES.split()}}
