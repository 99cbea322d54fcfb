// The documents whose changes on devices go to the ERP.
function (doc) {
  if (doc.type === "workorder" && doc.number) emit(doc._id, null);
}
