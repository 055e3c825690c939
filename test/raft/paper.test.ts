/**
 * The Raft paper (Ongaro and Ousterhout, extended version, 2014) and the thesis (Ongaro, 2014), rule by rule: a test for
 * each sentence that states one, with its section in the name. The chapters are in the folder beside this file.
 */
import "./paper/elections.ts";
import "./paper/log.ts";
import "./paper/membership.ts";
import "./paper/snapshots.ts";
import "./paper/clients.ts";
