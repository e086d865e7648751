import { LastSeen } from '../../src/server/polling/last-seen.service.js'
import type { BenchmarkRow } from '../benchmark.js'
import { HttpLoad } from '../poll/http-load.js'
import type { RolloutScene } from './scene.js'

const CONNECTIONS = 8
/** In which connections, statements and pages that everybody needs are made ready. */
const WARM_UP_ROUNDS = 3

/**
 * Polls that find nothing to do and are looked up each, of a few devices and of many in turns. A round is as many polls as there are
 * few devices, each of another device, and ends when it is written who was there: where the same few ask again and again that would be
 * written once for many polls, and the two sides would not do the same. The median round counts.
 */
export async function compareIdlePolls(
  name: string,
  few: RolloutScene,
  many: RolloutScene,
  rounds: number,
): Promise<BenchmarkRow> {
  const [reference, ours] = [await Poller.open(few, few.devices), await Poller.open(many, few.devices)]
  await few.settle()
  await many.settle()
  for (let round = 0; round < WARM_UP_ROUNDS + rounds; round += 1)
    for (const poller of [reference, ours]) await poller.round(round >= WARM_UP_ROUNDS)
  reference.close()
  ours.close()
  const speeds = { ours: ours.perSecond, reference: reference.perSecond }
  return { name, ...speeds, ratio: speeds.ours / speeds.reference, unit: 'polls/s', n: rounds * few.devices }
}

class Poller {
  private readonly roundsMs: number[] = []
  private constructor(
    private readonly load: HttpLoad,
    private readonly lastSeen: LastSeen,
    private readonly polls: number,
  ) {}

  static async open(scene: RolloutScene, polls: number): Promise<Poller> {
    const load = new HttpLoad({ port: scene.port, connections: CONNECTIONS, request: (index) => scene.poll(index) })
    await load.open()
    return new Poller(load, scene.fleet.app.get(LastSeen), polls)
  }

  async round(counts: boolean): Promise<void> {
    const began = performance.now()
    await this.load.exchange(this.polls)
    await this.lastSeen.flush()
    if (counts) this.roundsMs.push(performance.now() - began)
  }

  get perSecond(): number {
    const sorted = this.roundsMs.toSorted((a, b) => a - b)
    return (this.polls * 1_000) / (sorted[Math.floor(sorted.length / 2)] ?? Number.NaN)
  }

  close(): void {
    this.load.close()
  }
}
