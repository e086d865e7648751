import { findOpening, stateAt, type Calendar, type Interval } from './calendar.js'
import { neededOf, type Gate } from './gate.js'
import { offersPerSecond, paceRoom, type Pace, type Rates } from './rates.js'

/** Devices that a stage would bring in, by the time zone they stand in. */
export interface ForecastStage {
  readonly gate: Gate
  readonly soakSeconds: number
  readonly devicesByZone: ReadonlyMap<string, number>
}

export interface ForecastInput {
  readonly stages: readonly ForecastStage[]
  readonly notBefore: number
  readonly expires: number
  readonly rates: Rates
  readonly pace: Pace
  readonly imageSizeBytes: number
  readonly download: Calendar
  readonly install: Calendar
}

/** `endsAt`: when it can be over at the earliest. `impossible`: why some device can never have it under the plan. */
export type Forecast =
  | { readonly endsAt: number }
  | { readonly impossible: 'window-never-opens' | 'plan-ends-first' | 'more-devices-than-signed' }

const HOUR_SECONDS = 3_600
const ALMOST_NONE = 1e-6

/**
 * The earliest end of a rollout: every device answers at once and none fails, so that only windows, rates, pace and soaks
 * take time. Devices are a fluid; what happens between two moments at which something changes is one step.
 * @param now seconds since the epoch.
 */
export function forecast(input: ForecastInput, now: number): Forecast {
  const devices = input.stages.reduce((sum, stage) => sum + devicesOf(stage), 0)
  if (devices > input.pace.devicesTotal) return { impossible: 'more-devices-than-signed' }
  return new Course(input, Math.max(now, input.notBefore)).run()
}

const devicesOf = (stage: ForecastStage): number =>
  [...stage.devicesByZone.values()].reduce((sum, each) => sum + each, 0)

/** Devices of one stage in one zone that have no offer yet. */
interface Waiting {
  readonly stage: number
  readonly zone: string
  left: number
}
interface Batch {
  readonly at: number
  readonly stage: number
  readonly devices: number
}

class Course {
  private readonly waiting: Waiting[] = []
  /** Downloaded, and confirmed when the install window opens. */
  private stored: Batch[] = []
  private offered: { readonly at: number; readonly devices: number }[] = []
  private readonly confirmed: number[]
  private readonly heldAt: number[] = []
  private opened = 0
  private total = 0
  private readonly downloads = new Map<string, { isOpen: boolean; until: number }>()
  private readonly installs = new Map<string, Interval>()

  constructor(
    private readonly input: ForecastInput,
    private t: number,
  ) {
    this.confirmed = input.stages.map(() => 0)
  }

  run(): Forecast {
    for (;;) {
      this.settle()
      if (this.t > this.input.expires) return { impossible: 'plan-ends-first' }
      if (this.isOver()) return { endsAt: Math.ceil(this.t) }
      const next = this.nextChange()
      const entry = this.waiting.find((each) => each.left > 0 && this.downloadState(each.zone).isOpen)
      const room = entry === undefined ? 0 : Math.min(entry.left, this.room())
      if (entry === undefined || room < ALMOST_NONE) {
        if (next === Infinity) return { impossible: 'window-never-opens' }
        this.t = next
        continue
      }
      if (!this.offer(entry, room, next)) return { impossible: 'window-never-opens' }
    }
  }

  /** Offers to as many as there is room for, up to the next change. @returns false when they can never install. */
  private offer(entry: Waiting, room: number, next: number): boolean {
    const { rates, imageSizeBytes } = this.input
    const perSecond = offersPerSecond(rates, this.confirmedInAll(), imageSizeBytes)
    const devices = Math.min(room, (next - this.t) * perSecond)
    if (perSecond !== Infinity) this.t = Math.min(next, this.t + devices / perSecond)
    const opening = this.findInstall(entry.zone)
    if (opening === null) return false
    entry.left = entry.left - devices < ALMOST_NONE ? 0 : entry.left - devices
    this.total += devices
    this.offered.push({ at: this.t, devices })
    this.stored.push({ at: Math.max(this.t, opening.from), stage: entry.stage, devices })
    return true
  }

  /** What has come about by now: confirmations, gates that hold, stages that open. */
  private settle(): void {
    for (const { stage, devices } of this.stored.filter((batch) => batch.at <= this.t))
      this.confirmed[stage] = (this.confirmed[stage] ?? 0) + devices
    this.stored = this.stored.filter((batch) => batch.at > this.t)
    this.offered = this.offered.filter(({ at }) => at > this.t - HOUR_SECONDS)
    while (this.opened < this.input.stages.length && this.opensAt() <= this.t) this.open()
    this.noteGate(this.opened - 1)
  }

  private open(): void {
    const index = this.opened
    for (const [zone, left] of this.input.stages[index]?.devicesByZone ?? [])
      this.waiting.push({ stage: index, zone, left })
    this.opened += 1
    this.noteGate(index)
  }

  private noteGate(index: number): void {
    const stage = this.input.stages[index]
    if (stage === undefined || this.heldAt[index] !== undefined) return
    const isHeld = (this.confirmed[index] ?? 0) + ALMOST_NONE >= neededOf(stage.gate, devicesOf(stage))
    if (isHeld) this.heldAt[index] = this.t
  }

  /** Of the next stage. */
  private opensAt(): number {
    return this.opened === 0 ? this.t : this.passesAt(this.opened - 1)
  }

  private passesAt(index: number): number {
    return (this.heldAt[index] ?? Infinity) + (this.input.stages[index]?.soakSeconds ?? 0)
  }

  private isOver(): boolean {
    const isAllOffered = this.opened === this.input.stages.length && this.waiting.every((each) => each.left === 0)
    return isAllOffered && this.stored.length === 0 && this.passesAt(this.opened - 1) <= this.t
  }

  private room(): number {
    const inFlight = this.stored.reduce((sum, batch) => sum + batch.devices, 0)
    const inHour = this.offered.reduce((sum, each) => sum + each.devices, 0)
    const byPace = paceRoom(this.input.pace, inHour, this.total)
    return Math.max(0, Math.min(byPace, (this.input.rates.inFlight ?? Infinity) - inFlight, this.beforeFaster()))
  }

  /** A rate that grows with confirmations is asked again at each step of it. */
  private beforeFaster(): number {
    const { perMinute } = this.input.rates
    if (perMinute === undefined || 'constant' in perMinute) return Infinity
    return perMinute.everyConfirmed - (this.confirmedInAll() % perMinute.everyConfirmed)
  }

  private confirmedInAll(): number {
    return this.confirmed.reduce((sum, each) => sum + each, 0)
  }

  private nextChange(): number {
    const zones = new Set(this.waiting.filter((each) => each.left > 0).map((each) => each.zone))
    const [oldest] = this.offered
    const next = Math.min(
      ...[...zones].map((zone) => this.downloadState(zone).until),
      ...this.stored.map((batch) => batch.at),
      this.opened < this.input.stages.length ? this.opensAt() : this.passesAt(this.opened - 1),
      oldest === undefined ? Infinity : oldest.at + HOUR_SECONDS,
    )
    // Fractions of a second must not add up to no time at all.
    return Math.max(next, this.t + 1)
  }

  private downloadState(zone: string): { isOpen: boolean; until: number } {
    const known = this.downloads.get(zone)
    if (known !== undefined && this.t < known.until) return known
    const state = this.findDownload(zone)
    this.downloads.set(zone, state)
    return state
  }

  private findDownload(zone: string): { isOpen: boolean; until: number } {
    const { download, expires } = this.input
    const state = stateAt(download, zone, this.t)
    if (state.isOpen) return state
    return { isOpen: false, until: findOpening(download, zone, this.t, expires + 1)?.from ?? Infinity }
  }

  private findInstall(zone: string): Interval | null {
    const known = this.installs.get(zone)
    if (known !== undefined && this.t < known.to) return known
    const found = findOpening(this.input.install, zone, this.t, this.input.expires)
    if (found !== null) this.installs.set(zone, found)
    return found
  }
}
