/* The page can be read without this: it adds filters, opens claims where they stand in the table,
   compares two interpreters, and gives each view an address. */
(() => {
  "use strict";
  const root = document.documentElement;
  const find = (selector, inside = document) => inside.querySelector(selector);
  const all = (selector, inside = document) => [...inside.querySelectorAll(selector)];
  const form = find("#filters");
  const table = find("#matrix");
  const keys = all("thead th[data-key]", table).map((head) => head.dataset.key);
  const heads = all("thead th[data-key]", table).map((head) => head.textContent.trim());
  const rows = all("tr[data-slug]", table).map((line) => ({
    line,
    link: find("a", line),
    slug: line.dataset.slug,
    section: line.parentNode.dataset.section,
    more: line.nextElementSibling,
    details: find("details", line.nextElementSibling),
    differs: "differs" in line.dataset,
    states: [...line.cells].slice(1).map((cell) => cell.className),
    text: `${line.dataset.slug} ${line.cells[0].textContent} ${line.parentNode.dataset.section}`.toLowerCase(),
  }));
  const bySlug = new Map(rows.map((row) => [row.slug, row]));
  const bodies = all("tbody", table);
  const fields = ["q", "section", "verdict", "differ", "a", "b"];
  let open = null;
  let missing = "";

  /* The words of the states, by their class, as they stand among the choices of the filter. */
  const terms = JSON.parse(find("#terms").textContent);
  const choices = all("option[value]", form.elements.verdict).slice(1);
  const english = Object.fromEntries(choices.map((item) => [item.value, item.textContent.trim()]));
  const chinese = Object.fromEntries(choices.map((item) => [item.value, item.dataset.zh]));

  /* An address is the fragment, read as a query: #claim=slug&section=1.1&lang=zh */
  const address = () => new URLSearchParams(location.hash.slice(1));

  const filled = () => {
    const view = new URLSearchParams();
    if (open) view.set("claim", open.slug);
    for (const name of fields) {
      const field = form.elements[name];
      const value = field && (field.type === "checkbox" ? field.checked && "1" : field.value);
      if (value) view.set(name, value);
    }
    if (find("#lang-zh").checked) view.set("lang", "zh");
    return view;
  };

  const speak = (lang) => {
    find(`#lang-${lang}`).checked = true;
    root.lang = lang === "zh" ? "zh-CN" : "en";
    const word = lang === "zh" ? chinese : english;
    for (const item of all("td[class], b[class]")) {
      const said = word[item.className];
      if (item.firstChild.data !== said) item.firstChild.data = said;
    }
    for (const item of all("i[class], h3[class]")) {
      item.dataset.en ??= item.textContent;
      item.textContent = lang === "zh" ? terms[item.className] : item.dataset.en;
    }
    for (const item of all("[data-zh]")) {
      item.dataset.en ??= item.textContent;
      item.textContent = item.dataset[lang];
    }
    for (const item of all("[data-zh-label]")) {
      item.dataset.enLabel ??= item.getAttribute("aria-label");
      item.setAttribute("aria-label", lang === "zh" ? item.dataset.zhLabel : item.dataset.enLabel);
    }
  };

  const say = (en, zh) => (find("#lang-zh").checked ? zh : en);

  const below = (row, kind) => {
    const line = document.createElement("tr");
    line.className = kind;
    const cell = line.insertCell();
    cell.colSpan = keys.length + 1;
    row.more.after(line);
    return cell;
  };

  const mark = (row, isOpen) => {
    row.details.open = isOpen;
    row.more.classList.toggle("open", isOpen);
    row.link.setAttribute("aria-expanded", isOpen);
  };

  const close = () => {
    if (open) mark(open, false);
    open = null;
  };

  const show = (row) => {
    if (row === open) return;
    close();
    mark(row, true);
    open = row;
  };

  const headed = (item, told) => {
    const part = document.createElement("div");
    part.append(item.parentNode.previousElementSibling.textContent, say(": ", "："), ...told);
    return part;
  };

  /* Why two interpreters differ: what is expected of each, or else what was seen. */
  const explain = (row, pair) => {
    const list = document.createElement("dl");
    for (const index of pair) {
      const name = document.createElement("dt");
      name.textContent = heads[index];
      const reason = document.createElement("dd");
      const mine = (item) => !item.dataset.c || item.dataset.c.split(" ").includes(String(index));
      const expected = all(".expected > li", row.more).find(mine);
      const seen = all(".seen > li", row.more).find(mine);
      const told = (item) => all(":scope > :not(.who)", item.cloneNode(true));
      const both = expected && seen && /[cei]/.test(row.states[index]);
      if (both) reason.append(headed(expected, told(expected)), headed(seen, told(seen)));
      else if (expected) reason.append(...told(expected));
      list.append(name, reason);
    }
    below(row, "why").append(list);
  };

  const apply = () => {
    const view = filled();
    const words = (view.get("q") ?? "").toLowerCase().split(/\s+/).filter(Boolean);
    const pair = [view.get("a"), view.get("b")].map((key) => keys.indexOf(key));
    const comparing = pair.every((index) => index >= 0) && pair[0] !== pair[1];
    const chosen = comparing ? pair : keys.map((_, index) => index);
    for (const line of all("tr.why", table)) line.remove();
    let count = 0;
    for (const row of rows) {
      const states = comparing ? chosen.map((index) => row.states[index]) : row.states;
      const wanted =
        (!view.has("section") || row.section === view.get("section")) &&
        (!view.has("verdict") || states.includes(view.get("verdict"))) &&
        (!view.has("differ") || row.differs) &&
        (!comparing || states[0] !== states[1]) &&
        words.every((word) => row.text.includes(word));
      count += wanted;
      const hidden = !wanted && row !== open;
      if (row.line.hidden !== hidden) row.line.hidden = hidden;
      if (comparing && wanted) explain(row, pair);
    }
    for (const body of bodies) body.hidden = !find("tr[data-slug]:not([hidden])", body);
    const others = comparing
      ? `#matrix tr > :nth-child(n+2)${pair.map((i) => `:not(:nth-child(${i + 2}))`).join("")}
         { display: none !important } #matrix { --columns: 2; width: min(100%, 60rem); min-width: 0 }
         main { width: auto }`
      : "";
    const style = find("#chosen");
    if (style.textContent !== others) style.textContent = others;
    find("#count").textContent = say(
      `${count} of ${rows.length} claims`, `${rows.length} 条论断中的 ${count} 条`)
      + (missing && say(`; there is none called ${missing}`, `；没有叫 ${missing} 的论断`));
  };

  const remember = (how) => {
    const view = filled().toString();
    if (view !== address().toString()) history[how](null, "", `#${view}`);
  };

  const change = (how) => {
    missing = "";
    apply();
    remember(how);
  };

  /* Rows above are laid out only when they come near, which moves the others: look twice. */
  const reveal = (row) => {
    row.line.scrollIntoView({ block: "start" });
    row.link.focus({ preventScroll: true });
    requestAnimationFrame(() => requestAnimationFrame(() => row.line.scrollIntoView({ block: "start" })));
  };

  const restore = () => {
    const view = address();
    for (const name of fields) {
      const field = form.elements[name];
      if (field && field.type === "checkbox") field.checked = view.has(name);
      else if (field) field.value = view.get(name) ?? "";
    }
    if (view.has("lang")) speak(view.get("lang") === "zh" ? "zh" : "en");
    const row = bySlug.get(view.get("claim"));
    missing = row ? "" : view.get("claim") ?? "";
    if (row) show(row);
    else close();
    apply();
    if (row) reveal(row);
  };

  for (const row of rows) {
    mark(row, false);
    row.details.addEventListener("toggle", () => {
      if (row !== open || row.details.open) return;
      close();
      change("pushState");
    });
  }
  for (const wide of all("pre, figure")) wide.tabIndex = 0; // so that the keyboard can scroll it
  form.hidden = false;
  root.classList.add("js");
  form.addEventListener("input", () => { change("replaceState"); });
  form.addEventListener("submit", (event) => event.preventDefault());
  form.addEventListener("reset", () => setTimeout(() => { change("replaceState"); }));
  for (const choice of all("[name=lang]")) {
    choice.addEventListener("change", () => { speak(choice.value); change("replaceState"); });
  }
  document.addEventListener("click", (event) => {
    const link = event.target.closest('a[href^="#claim="]');
    const row = link && bySlug.get(new URLSearchParams(link.hash.slice(1)).get("claim"));
    if (!row || event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    if (row === open && link === row.link) close();
    else show(row);
    change("pushState");
    if (link !== row.link) reveal(row);
  });
  document.addEventListener("keydown", (event) => {
    if (event.key !== "Escape" || !open || !open.more.contains(event.target)) return;
    const link = open.link;
    close();
    change("pushState");
    link.focus();
  });
  addEventListener("hashchange", restore);
  addEventListener("popstate", restore);
  speak(address().get("lang") ?? (/^zh/.test(navigator.language) ? "zh" : "en"));
  restore();
})();
