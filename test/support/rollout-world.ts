import { openSince, stateAt, type Calendar } from '../../src/domain/rollout/calendar.js'
import { countsOf, doneOf, inFlightOf, totalOf, addCounts, type Counts } from '../../src/domain/rollout/counts.js'
import {
  deploymentStates,
  hasEnded,
  isActive,
  isInFlight,
  type DeploymentState,
  type ReportedState,
  type Running,
} from '../../src/domain/rollout/deployment-state.js'
import {
  nextDeployment,
  type Deployment,
  type DeploymentEvent,
  type DeploymentRules,
} from '../../src/domain/rollout/deployment.js'
import { step } from '../../src/domain/rollout/engine.js'
import { judgeGate } from '../../src/domain/rollout/gate.js'
import { allowance, paceRoom, type Pace, type Rates } from '../../src/domain/rollout/rates.js'
import type { Rollout, RolloutEffect, RolloutEvent } from '../../src/domain/rollout/rollout-state.js'
import { withinBudgets, type Site, type SiteBudget } from '../../src/domain/rollout/site-budget.js'
import { orderOf } from '../../src/domain/rollout/stage.js'

/** How a simulated device answers an offer. */
export type Answer = 'confirms' | 'fails' | 'reverts' | 'is silent'

export interface WorldDevice {
  readonly id: string
  readonly zone: string
  readonly site: string | null
  readonly answer: (attempt: number) => Answer
  readonly downloadSeconds: number
}

export interface WorldRules {
  readonly deployment: DeploymentRules
  readonly rates: Rates
  readonly pace: Pace
  readonly siteBudget: SiteBudget | null
  readonly imageSizeBytes: number
  readonly download: Calendar
  readonly install: Calendar
  readonly silenceSeconds: number
}

export interface WorldEntry {
  readonly at: number
  readonly what: 'offered' | 'installing' | RolloutEffect['kind']
  readonly device: string
}

interface Held {
  readonly device: WorldDevice
  readonly stage: number
  deployment: Deployment
  aliveAt: number
}

const REBOOT_SECONDS = 60

/**
 * A rollout carried out in memory by the same rules as the server's, under a clock that jumps from one event to the next. It
 * holds each effect and each count against what was promised.
 */
export class RolloutWorld {
  readonly log: WorldEntry[] = []
  readonly held = new Map<string, Held>()
  private readonly agenda: { readonly at: number; readonly act: () => void }[] = []
  private readonly offerTimes: number[] = []
  private readonly order: readonly string[]
  private readonly states = new Map<string, { isOpen: boolean; until: number }>()
  private dueMs = 0

  constructor(
    readonly id: string,
    public rollout: Rollout,
    private readonly rules: WorldRules,
    private readonly devices: readonly WorldDevice[],
    public now: number,
  ) {
    this.order = orderOf(
      id,
      devices.map((device) => device.id),
    )
  }

  get counts(): Counts {
    return addCounts(this.rollout.stages.map((stage) => stage.counts))
  }

  /** Lives on until the rollout has ended or stands still, or until then. */
  run(until: number): void {
    for (let moments = 0; this.now < until; moments += 1) {
      if (moments > 5_000) throw new Error(`stuck at ${this.now}: ${JSON.stringify(this.counts)}`)
      this.settle()
      if (this.rollout.state !== 'running') return
      this.now = Math.min(until, this.nextMoment())
      for (const due of this.agenda.filter((each) => each.at <= this.now)) {
        this.agenda.splice(this.agenda.indexOf(due), 1)
        due.act()
      }
    }
  }

  /** One event, its effects, and the events these bring. */
  take(event: RolloutEvent): void {
    const before = this.rollout
    const { rollout, effects } = step(before, event, this.now)
    this.keepPromises(before, rollout)
    this.rollout = rollout
    for (const effect of effects) this.carryOut(effect)
  }

  /** Something happens to one device. */
  meet(deviceId: string, event: DeploymentEvent): boolean {
    const one = this.held.get(deviceId)
    if (one === undefined) return false
    const next = nextDeployment(one.deployment, event, this.rules.deployment, this.now)
    if (event.kind === 'report') one.aliveAt = this.now
    if (next === null) return false
    one.deployment = next
    one.aliveAt = this.now
    this.recount()
    return true
  }

  settle(): void {
    this.timeOutSilent()
    for (let turn = 0; ; turn += 1) {
      const before = this.rollout
      this.take({ kind: 'tick', releaseRefusal: null })
      if (this.rollout === before || this.rollout.state !== 'running') break
      if (turn > 100) throw new Error('the engine goes round in circles')
    }
    if (this.rollout.state === 'running') this.offer()
  }

  private carryOut(effect: RolloutEffect): void {
    this.log.push({ at: this.now, what: effect.kind, device: '' })
    switch (effect.kind) {
      case 'measure-stage': {
        const placed = this.rollout.stages.slice(0, effect.stage).reduce((sum, stage) => sum + totalOf(stage.counts), 0)
        return this.take({ kind: 'stage-measured', stage: effect.stage, members: this.devices.length, placed })
      }
      case 'fill-stage':
        this.fill(effect.stage, effect.devices)
        return this.take({ kind: 'stage-filled', stage: effect.stage })
      case 'seek-latecomers':
        return this.take({ kind: 'latecomers-sought', found: 0 })
      case 'take-back':
        for (const [id, one] of this.held) if (isActive(one.deployment.state)) this.meet(id, { kind: 'cancel' })
        return
      case 'forgive-silence':
        for (const one of this.held.values()) one.aliveAt = this.now
        return
      case 'start-fallback':
      case 'record':
    }
  }

  private fill(stage: number, devices: number): void {
    const free = this.order.filter((id) => !this.held.has(id)).slice(0, devices)
    for (const id of free) {
      const device = this.devices.find((each) => each.id === id)
      if (device === undefined) throw new Error(id)
      this.held.set(id, { device, stage, deployment: { state: 'queued', attempt: 1, dueAt: 0 }, aliveAt: this.now })
    }
    this.recount()
  }

  private offer(): void {
    const { rates, pace, imageSizeBytes, download } = this.rules
    const inFlight = inFlightOf(this.counts)
    const facts = {
      confirmed: doneOf(this.counts),
      inFlight,
      imageSizeBytes,
      dueMs: this.dueMs,
      nowMs: this.now * 1_000,
    }
    const allowed = allowance(rates, facts)
    const inHour = this.offerTimes.filter((at) => at > this.now - 3_600).length
    // A further attempt is at a device that was counted already.
    let room = paceRoom(pace, inHour, this.offerTimes.length)
    const waiting = this.order
      .flatMap((id) => this.held.get(id) ?? [])
      .filter(({ deployment, device }) => {
        const isDue = deployment.state === 'queued' && deployment.dueAt <= this.now
        return isDue && this.stateOf(download, device.zone).isOpen
      })
    const chosen = this.withinBudgets(waiting)
      .filter(({ deployment }) => deployment.attempt > 1 || (room -= 1) >= 0)
      .slice(0, allowed.devices)
    for (const one of chosen) this.offerTo(one)
    if (chosen.length > 0 && allowed.intervalMs > 0) this.dueMs = allowed.startMs + chosen.length * allowed.intervalMs
  }

  private withinBudgets(waiting: readonly Held[]): readonly Held[] {
    const { siteBudget } = this.rules
    if (siteBudget === null) return waiting
    const sites = new Map<string, Site>()
    for (const { site, id } of this.devices) {
      if (site === null) continue
      const { devices = 0, inFlight = 0 } = sites.get(site) ?? {}
      const state = this.held.get(id)?.deployment.state ?? 'queued'
      sites.set(site, { devices: devices + 1, inFlight: inFlight + (isInFlight(state) ? 1 : 0) })
    }
    const candidates = waiting.map((one) => ({ deviceId: one.device.id, site: one.device.site }))
    const chosen = new Set(withinBudgets(candidates, siteBudget, sites).map((each) => each.deviceId))
    return waiting.filter((one) => chosen.has(one.device.id))
  }

  private offerTo(one: Held): void {
    const { id } = one.device
    this.meet(id, { kind: 'offer' })
    if (one.deployment.attempt === 1) this.offerTimes.push(this.now)
    this.log.push({ at: this.now, what: 'offered', device: id })
    const { attempt } = one.deployment
    const answer = one.device.answer(attempt)
    if (answer === 'is silent') return
    this.later(60, one, attempt, () => {
      this.say(one, 'downloading')
      this.later(one.device.downloadSeconds, one, attempt, () => {
        if (answer === 'fails') return this.say(one, 'failed')
        this.say(one, 'downloaded')
        if (this.rules.deployment.mode !== 'download-only') this.install(one, attempt, answer)
      })
    })
  }

  private install(one: Held, attempt: number, answer: Answer): void {
    const { isOpen, until } = this.stateOf(this.rules.install, one.device.zone)
    if (!isOpen) return this.later(until - this.now, one, attempt, () => this.install(one, attempt, answer))
    this.log.push({ at: this.now, what: 'installing', device: one.device.id })
    this.say(one, 'installing')
    this.later(REBOOT_SECONDS, one, attempt, () =>
      answer === 'reverts' ? this.say(one, 'reverted') : this.say(one, 'confirmed', 'release'),
    )
  }

  private say(one: Held, state: ReportedState, running: Running = 'older'): void {
    this.meet(one.device.id, { kind: 'report', state, running })
  }

  /** Unless the attempt is over by then. */
  private later(seconds: number, one: Held, attempt: number, act: () => void): void {
    const at = this.now + seconds
    this.agenda.push({
      at,
      act: () => {
        if (one.deployment.attempt === attempt && isInFlight(one.deployment.state)) act()
      },
    })
  }

  private timeOutSilent(): void {
    // Whoever spoke within the time by any clock has spoken within it by open hours.
    for (const [id, one] of this.held) {
      const mayBe = isInFlight(one.deployment.state) && one.aliveAt < this.now - this.rules.silenceSeconds
      if (mayBe && one.aliveAt < this.silentSince(one)) this.meet(id, { kind: 'time-out' })
    }
  }

  private silentSince(one: Held): number {
    const { download, install, silenceSeconds } = this.rules
    const calendar = one.deployment.state === 'offered' || one.deployment.state === 'downloading' ? download : install
    return openSince(calendar, one.device.zone, this.now, silenceSeconds)
  }

  private nextMoment(): number {
    const active = [...this.held.values()].filter((one) => isActive(one.deployment.state))
    const zones = new Set(active.map((one) => one.device.zone))
    const { download, install, silenceSeconds } = this.rules
    const moments = [
      this.rollout.notBefore,
      this.rollout.expires,
      ...this.agenda.map((each) => each.at),
      ...this.rollout.stages.map((stage) => (stage.heldSince ?? Infinity) + stage.soakSeconds),
      ...[...zones].flatMap((zone) => [download, install].map((each) => this.stateOf(each, zone).until)),
      ...active.flatMap((one) => [one.deployment.dueAt, one.aliveAt + silenceSeconds + 1]),
      Math.ceil(this.dueMs / 1_000),
      ...this.offerTimes.slice(-1).map((at) => at + 3_600),
    ]
    return Math.min(...moments.filter((at) => at > this.now), this.now + 86_400)
  }

  private stateOf(calendar: Calendar, zone: string): { isOpen: boolean; until: number } {
    const name = `${zone} ${calendar === this.rules.install ? 'install' : 'download'}`
    const known = this.states.get(name)
    if (known !== undefined && this.now < known.until) return known
    const state = stateAt(calendar, zone, this.now)
    this.states.set(name, state)
    return state
  }

  /** Counts as the engine is given them, always those of a recount. */
  private recount(): void {
    const stages = this.rollout.stages.map((stage, index) => {
      const states = [...this.held.values()].filter((one) => one.stage === index).map((one) => one.deployment.state)
      const known = deploymentStates.map((state) => [state, states.filter((each) => each === state).length] as const)
      return { ...stage, counts: countsOf(Object.fromEntries(known) as Partial<Record<DeploymentState, number>>) }
    })
    this.rollout = { ...this.rollout, stages }
  }

  private keepPromises(before: Rollout, after: Rollout): void {
    if (after === before) return
    promise(after.stages.filter((stage) => stage.state === 'open').length <= 1, 'one stage is open at a time')
    for (const [index, stage] of after.stages.entries()) {
      const was = before.stages[index]
      if (was === undefined || stage.state === was.state) continue
      const isInTurn = after.stages.slice(0, index).every((each) => each.state === 'passed')
      promise(isInTurn, 'no gate is skipped')
      if (stage.state === 'open') promise(was.state === 'waiting', 'a stage opens once')
      if (stage.state === 'passed') this.keepGate(stage)
    }
    const isOver = after.state === 'finished' && before.state !== 'finished'
    const hasAllEnded = [...this.held.values()].every((one) => hasEnded(one.deployment.state))
    if (isOver) promise(hasAllEnded, 'no deployment is lost')
    promise(inFlightOf(this.counts) <= (this.rules.rates.inFlight ?? Infinity), 'no more are in flight than may be')
  }

  private keepGate({ gate, counts, heldSince, soakSeconds }: Rollout['stages'][number]): void {
    promise(judgeGate(gate, counts) === 'holds', 'a stage passes by its gate')
    promise(this.now - (heldSince ?? this.now) >= soakSeconds, 'no soak is cut short')
  }
}

function promise(isKept: boolean, words: string): void {
  if (!isKept) throw new Error(`broken: ${words}`)
}
