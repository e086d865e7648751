import { writeFileSync } from 'node:fs'
import type { ProcessSupervisor } from '../../src/embedded/process-supervisor.js'
import type { Installation } from '../installation.js'
import type { GroupWords } from './account.js'
import { DeviceGroup } from './device-group.js'
import { claimToken } from '../victim.js'
import { RoughRoad } from './rough-road.js'

/** How many of its devices one process holds at most. */
const DEVICES_A_PROCESS = 2_500
const CRASHES = 3
const FLAP_MS = 1_500
/**
 * Without the broker they learn of everything by asking; and whoever is there for a moment asks within it, or never: a device's first
 * poll comes after the same share of its time, whenever it comes back.
 */
const POLL_MS: Readonly<Record<string, number>> = { repeat: 3_000, flap: FLAP_MS / 2 }
/** The faults, dealt out in turn. */
const kinds = ['crash', 'cut', 'bad-boot', 'repeat', 'flap'] as const
type Kind = (typeof kinds)[number]

export interface Injected {
  /** Times that the process of all devices of that group was killed in the middle of a download. */
  readonly crashes: number
  readonly cuts: number
  readonly repeatedReports: number
  /** Times that a device went away and came back. */
  readonly flaps: number
  readonly badBoots: number
}

/** A fleet of which some suffer. */
export class TroubledFleet {
  readonly groups: readonly DeviceGroup[]
  private crashes = 0
  private flaps = 0
  private crashing: Promise<void> = Promise.resolve()
  private flapTimer: NodeJS.Timeout | undefined
  private flapping: Promise<void> = Promise.resolve()
  private isStopping = false

  private constructor(
    private readonly counts: Readonly<Record<Kind, number>>,
    private readonly roads: { readonly crash: RoughRoad; readonly cut: RoughRoad; readonly repeat: RoughRoad },
    make: (name: string, devices: number, serverUrl: string, fault?: string) => DeviceGroup,
    healthy: number,
    url: string,
  ) {
    const parts = Math.ceil(healthy / DEVICES_A_PROCESS)
    const share = (part: number): number =>
      Math.floor((healthy * (part + 1)) / parts) - Math.floor((healthy * part) / parts)
    const urls = { crash: roads.crash.url, cut: roads.cut.url, repeat: roads.repeat.url, flap: url, 'bad-boot': url }
    this.groups = [
      ...Array.from({ length: parts }, (_, part) => make(`healthy-${part}`, share(part), url)),
      ...kinds
        .filter((kind) => counts[kind] > 0)
        .map((kind) => make(kind, counts[kind], urls[kind], kind === 'bad-boot' ? 'unhealthy-boot' : undefined)),
    ]
  }

  static async start(
    installation: Installation,
    supervisor: ProcessSupervisor,
    devices: number,
    faulty: number,
  ): Promise<TroubledFleet> {
    const { url } = installation
    const atHalf = (): boolean => fleet.crashNow()
    const roads = {
      crash: await RoughRoad.start(url, { atHalf }),
      cut: await RoughRoad.start(url, { cuts: true }),
      repeat: await RoughRoad.start(url, { repeatsReports: true }),
    }
    for (const road of Object.values(roads)) supervisor.own(road)
    const pollMs = Math.max(5_000, devices * 3)
    const claimFile = installation.folders.path('fleet', 'claim')
    writeFileSync(claimFile, await claimToken(installation, 'gateway-b', devices), { mode: 0o600 })
    const make = (name: string, count: number, serverUrl: string, fault?: string): DeviceGroup =>
      new DeviceGroup(installation, supervisor, {
        ...{ name, devices: count, serverUrl, claimFile },
        pollMs: POLL_MS[name] ?? pollMs,
        ...(fault === undefined ? {} : { fault }),
      })
    const dealt = (turn: number): number => Math.floor((faulty + kinds.length - 1 - turn) / kinds.length)
    const counts = Object.fromEntries(kinds.map((kind, turn) => [kind, dealt(turn)])) as Record<Kind, number>
    const fleet = new TroubledFleet(counts, roads, make, devices - faulty, url)
    await Promise.all(fleet.groups.map((group) => group.start()))
    return fleet
  }

  get enrolled(): number {
    return this.groups.reduce((sum, group) => sum + group.listen().enrolled.size, 0)
  }

  get injected(): Injected {
    const { crashes, flaps } = this
    const { cut, repeat } = this.roads
    return { crashes, cuts: cut.cuts, repeatedReports: repeat.repeated, flaps, badBoots: this.counts['bad-boot'] }
  }

  /** Kinds of trouble that were wanted and did not come about: then nothing was shown. */
  get idle(): readonly string[] {
    const { crashes, cuts, repeatedReports, flaps } = this.injected
    const came = { crash: crashes, cut: cuts, 'bad-boot': 1, repeat: repeatedReports, flap: flaps }
    return kinds.filter((kind) => this.counts[kind] > 0 && came[kind] === 0)
  }

  /** From now on devices come and go. */
  startFlapping(): void {
    const group = this.groups.find((each) => each.wish.name === 'flap')
    if (group === undefined) return
    const turn = (isAway: boolean): void => {
      this.flapTimer = setTimeout(() => {
        const word = isAway ? 'on' : 'off'
        const lines = Array.from({ length: group.wish.devices }, (_, index) => `fault offline ${index} ${word}`)
        if (isAway) this.flaps += lines.length
        this.flapping = group.command(lines).then(() => {
          // It ends with everybody there.
          if (!this.isStopping || isAway) turn(!isAway)
        })
      }, FLAP_MS)
    }
    turn(true)
  }

  /** No more trouble; what is under way ends. */
  async calmDown(): Promise<void> {
    this.isStopping = true
    clearTimeout(this.flapTimer)
    await Promise.all([this.crashing, this.flapping])
  }

  async stop(): Promise<void> {
    await this.calmDown()
    await Promise.all(this.groups.map((group) => group.stop()))
  }

  words(): GroupWords[] {
    return this.groups.map((group) => {
      const { name, devices } = group.wish
      return { name, devices, expected: name === 'bad-boot' ? 'reverted' : 'confirmed', words: group.listen().words }
    })
  }

  /** @returns whether the download ends here. */
  private crashNow(): boolean {
    if (this.isStopping || this.crashes >= CRASHES) return false
    this.crashes += 1
    const group = this.groups.find((each) => each.wish.name === 'crash')
    this.crashing = this.crashing.then(() => group?.crash())
    return true
  }
}
