"""A hook of the site: what the notebook holds is shown below the words of its page."""

import json
from pathlib import Path


def on_page_markdown(markdown, page, config, files):
    """Appends the notebook beside `notebooks/index.md` to it, but for its title."""
    if page.file.src_uri != "notebooks/index.md":
        return markdown
    notebook = json.loads((Path(config["docs_dir"]) / "notebooks/panel.ipynb").read_text())
    return "\n\n".join([markdown, *(shown(cell) for cell in notebook["cells"] if not text(cell["source"]).startswith("# "))])


def text(lines):
    return lines if isinstance(lines, str) else "".join(lines)


def shown(cell):
    """A cell as Markdown."""
    source = text(cell["source"])
    if cell["cell_type"] == "markdown":
        return source
    return "\n\n".join([f"```python\n{source}\n```", *(output(one) for one in cell["outputs"])])


def output(one):
    data = one.get("data", {})
    if "image/png" in data:
        return f'<img alt="What the cell draws" src="data:image/png;base64,{text(data["image/png"]).strip()}">'
    return f"```text\n{text(one.get('text') or data['text/plain']).rstrip()}\n```"
