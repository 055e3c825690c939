/** What a member has carried out since it started. Plain numbers, so that counting costs next to nothing. */
export class Counts {
  commands = 0;
  /** Commands that changed nothing, because they were refused. */
  refusals = 0;
  puts = 0;
  deletes = 0;
  /** Of transactions, and of clients of a front door. */
  ranges = 0;
  /** Commands that carried out more than one operation. */
  txns = 0;
  leasesGranted = 0;
  /** By a call, or since their time was over. */
  leasesRevoked = 0;
  leasesExpired = 0;
  leasesRenewed = 0;

  /** Puts, deletes and range reads together, those inside transactions included. */
  get operations(): number {
    return this.puts + this.deletes + this.ranges;
  }
}
