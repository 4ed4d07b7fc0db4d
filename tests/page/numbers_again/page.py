"""What a report's page shows: its tables, the texts of its figures, its sentences."""

from html.parser import HTMLParser


class Entry:
    """An entry of a table: its text, its full value or None, and whether a check has looked at it."""

    def __init__(self, value):
        self.text, self.value, self.seen = "", None if value is None else float(value), False


class Page(HTMLParser):
    """Tables (id -> rows of entries), figures (id -> texts, titles, caption) and the page's words."""

    def __init__(self):
        super().__init__()
        self.tables, self.figures, self.words = {}, {}, ""
        self.table = self.row = self.entry = self.figure = self.text = None
        self.items, self.item, self.verdicts = [], None, []

    def handle_starttag(self, tag, attrs):
        attrs = dict(attrs)
        if tag == "table":
            assert attrs["id"] not in self.tables, f"two tables are called {attrs['id']}"
            self.table = self.tables.setdefault(attrs["id"], [])
        elif tag == "tr" and self.table is not None:
            self.row = []
        elif tag in ("td", "th") and self.row is not None:
            self.entry = Entry(attrs.get("data-v"))
        elif tag == "figure":
            self.figure = self.figures.setdefault(attrs["id"].removeprefix("figure-"), [])
        elif tag in ("text", "title", "figcaption") and self.figure is not None:
            self.text = [tag if tag != "text" else attrs["class"], ""]
        elif tag == "li":
            self.item = ""
        elif tag == "span" and attrs.get("class", "").startswith("verdict "):
            self.verdicts.append(attrs["class"].split()[1])

    def handle_endtag(self, tag):
        if tag in ("td", "th") and self.entry is not None:
            self.row.append(self.entry)
            self.entry = None
        elif tag == "tr" and self.row is not None:
            self.table.append(self.row)
            self.row = None
        elif tag == "table":
            self.table = None
        elif tag == "figure":
            self.figure = None
        elif tag in ("text", "title", "figcaption") and self.text is not None:
            self.figure.append(tuple(self.text))
            self.text = None
        elif tag == "li" and self.item is not None:
            self.items.append(self.item)
            self.item = None

    def handle_data(self, data):
        self.words += data
        if self.entry is not None:
            self.entry.text += data
        if self.text is not None:
            self.text[1] += data
        if self.item is not None:
            self.item += data

    def texts(self, figure, *kinds):
        return [text for kind, text in self.figures[figure] if kind in kinds]
