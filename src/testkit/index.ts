/** Contracts as suites: run them on your own storage or transport, in your own test runner. */
export { transportSuite } from "./suites/transport.ts";
