/** Contracts as suites: run them on your own storage or transport, in your own test runner. */
export { storageSuite } from "./suites/storage.ts";
export { transportSuite } from "./suites/transport.ts";
