// OAuth 2.0 Form Post Response Mode: send the answer on at once. Without scripts the page's button does it.
// Called through the prototype: a field named "submit" would hide the form's own method.
HTMLFormElement.prototype.submit.call(document.querySelector("main form"));
