import type { Storm } from "../chance/storm.ts";
import type { Picture } from "../seen/picture.ts";
import type { Probes } from "./probes.ts";
import type { SentFrames } from "./sent-frames.ts";
import type { SimCluster } from "./sim-cluster.ts";
import type { SimHost } from "./sim-host.ts";
import type { SimNetwork } from "./sim-network.ts";

/** What a run consists of, for those who act in it. */
export interface Realm<Frame> {
  readonly host: SimHost<Frame>;
  readonly cluster: SimCluster<Frame>;
  readonly network: SimNetwork<Frame>;
  /** What members have sent, so that others can send it again. */
  readonly sent: SentFrames<Frame>;
  readonly storm: Storm;
  readonly picture: Picture;
  readonly probes: Probes;
}
