// Bring the design system's components to life. Every page works without.
import { initAll } from "./nhsuk-frontend-10.6.1/nhsuk-frontend.min.js";

document.body.classList.add("js-enabled", "nhsuk-frontend-supported");
initAll();
