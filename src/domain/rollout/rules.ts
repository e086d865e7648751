import { Refusal } from '../refusal.js'
import { isAlways, type Calendar } from './calendar.js'
import type { Mode } from './deployment-state.js'
import type { DeploymentRules } from './deployment.js'
import { requireTimeZone } from './local-time.js'
import type { Rates } from './rates.js'
import type { OnFailure } from './rollout-state.js'
import type { SiteBudget } from './site-budget.js'
import { MAX_WINDOWS, parseBlackout, parseWindow } from './window.js'

/** When devices may download and install, as people write it: `mon-fri 22:00-05:00`, `2026-12-20..2027-01-06`. */
export interface Schedule {
  /** Of devices that nobody has told where they stand. */
  readonly timeZone: string
  /** None: at any time. */
  readonly download: readonly string[]
  readonly install: readonly string[]
  readonly blackout: readonly string[]
}

/** How a rollout treats its devices. Fixed when it is made, so that everybody who approves it has seen the same. */
export interface RolloutRules extends DeploymentRules {
  readonly mode: Mode
  readonly onFailure: OnFailure
  readonly rates: Rates
  readonly schedule: Schedule
  readonly siteBudget: SiteBudget | null
}

export const defaultRules: RolloutRules = {
  mode: 'forced',
  onFailure: 'pause',
  retries: 0,
  retryAfterSeconds: 600,
  rates: {},
  schedule: { timeZone: 'UTC', download: [], install: [], blackout: [] },
  siteBudget: null,
}

/** The calendars of a schedule. Blackout days shut both. */
export interface Calendars {
  readonly timeZone: string
  readonly download: Calendar
  readonly install: Calendar
}

/** @throws Refusal `REQUEST_INVALID` naming the field. */
export function calendarsOf(schedule: Schedule): Calendars {
  const timeZone = requireTimeZone('schedule.timeZone', schedule.timeZone)
  const blackouts = each('schedule.blackout', schedule.blackout, parseBlackout)
  const windows = (name: 'download' | 'install') => each(`schedule.${name}`, schedule[name], parseWindow)
  return {
    timeZone,
    download: { windows: windows('download'), blackouts },
    install: { windows: windows('install'), blackouts },
  }
}

function each<T>(field: string, texts: readonly string[], parse: (field: string, text: string) => T): T[] {
  if (texts.length > MAX_WINDOWS) throw new Refusal('REQUEST_INVALID', { field, why: `at most ${MAX_WINDOWS}` })
  return texts.map((text, index) => parse(`${field}.${index}`, text))
}

/** Whether the clocks of devices matter to a rollout at all. */
export const hasWindows = ({ download, install }: Calendars): boolean => !isAlways(download) || !isAlways(install)
