// Files and links that a person takes along.
const download = (path, name) => {
  const link = made("a", { href: fileUrl(path), download: name });
  document.body.append(link);
  link.click();
  link.remove();
};
const saveSession = () =>
  attempt(async () => {
    const { file, name } = await call("save_session", { edits: state.edits, name: state.name });
    download(file, name);
  });
on(["#save-session", "#save-session-too"], "click", saveSession);
on("#save", "click", () => {
  for (const one of $$("[name=save-view]")) one.checked = one.value === state.view;
  $("#save-format").value = kept(localStorage, "pti-format") ?? facts.formats[0];
  $("#save-dialog").showModal();
});
on("#save-dialog", "close", () => {
  if ($("#save-dialog").returnValue !== "save") return;
  $("#save-dialog").returnValue = "";
  const format = $("#save-format").value;
  kept(localStorage, "pti-format", format);
  attempt(async () => {
    const view = $("[name=save-view]:checked").value;
    const told = await call("save_picture", { ...pictureRequest({ view }), format, mark: $("#mark").checked, name: state.name });
    download(told.file, told.name);
    toast(`Saved as ${told.name}`);
  });
});

// ----------------------------------------------------------------------------------------- links
const address = (end) => `${location.origin}${base}${end}`;
const copy = async () => {
  const said = $("#link-said");
  $("#link-row").hidden = false;
  try {
    await navigator.clipboard.writeText($("#link").value);
    said.textContent = "Link copied.";
  } catch {
    $("#link").select();
    said.textContent = "The browser does not allow copying; the link is marked: press Ctrl+C.";
  }
};
const paintShares = (shares) => {
  $("#shares").replaceChildren(...(shares.length ? shares.map(shareRow) : [made("p", { class: "hint" }, "None yet.")]));
};
const shareRow = ({ share, name, until, link }) => {
  const named = made("input", { value: name, placeholder: "Name", maxlength: 80, "aria-label": "Name of the link" });
  on(named, "change", () => attempt(async () => paintShares((await call("rename_share", { share, name: named.value })).shares)));
  return made("div", { class: "row share" }, named, made("a", { href: address(link), target: "_blank", rel: "noopener" }, "Open"),
    button("Copy", { onclick: () => (($("#link").value = address(link)), copy()) }),
    made("small", {}, `until ${until}`),
    button("Delete", { class: "tool danger", onclick: () => attempt(async () => {
      const sure = await ask("Delete this link?", "Everybody who opens it is told that it is gone.", [["", "Cancel"], ["go", "Delete", "danger"]]);
      if (sure !== "go") return;
      paintShares((await call("delete_share", { share })).shares);
      if ($("#link").value.endsWith(share)) $("#link-row").hidden = true;
      toast("The link is deleted.");
    }) }));
};
on("#share", "click", () => {
  $("#link-row").hidden = true;
  $("#link-said").textContent = "";
  $("#share-after").src = after.src;
  $("#share-dialog").showModal();
  attempt(async () => {
    $("#share-before").src = (await beforeUrl()) || after.src;
    paintShares((await call("shares")).shares);
  });
});
on("#make-link", "click", () =>
  attempt(async () => {
    $("#make-link").disabled = true;
    $("#make-link").textContent = "Making the link …";
    try {
      const told = await call("share", pictureRequest());
      $("#link").value = address(told.link);
      paintShares(told.shares);
      await copy();
    } finally {
      $("#make-link").disabled = false;
      $("#make-link").textContent = "Make a link";
    }
  }));
on("#copy", "click", copy);
on($$("[data-close]"), "click", (event) => event.target.closest("dialog").close());
