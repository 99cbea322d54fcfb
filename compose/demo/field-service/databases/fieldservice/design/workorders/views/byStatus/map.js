// Work orders by status and priority, for the lists on the devices.
function (doc) {
  if (doc.type === "workorder") emit([doc.status, doc.priority], doc.title);
}
