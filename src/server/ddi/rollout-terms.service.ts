import { Injectable } from '@nestjs/common'
import { DataSource } from 'typeorm'
import { Clock } from '../../domain/clock.js'
import { findOpening, isAlways, type Calendar } from '../../domain/rollout/calendar.js'
import { calendarsOf, type RolloutRules } from '../../domain/rollout/rules.js'
import { zoneOf } from '../rollout/device-zones.service.js'
import type { DdiSettings } from './ddi-settings.js'
import { DeploymentTerms, type Terms } from './deployment-terms.port.js'
import { Tenants } from './tenants.service.js'

interface TermsRow {
  readonly rules: RolloutRules
  readonly expires: number
  readonly time_zone: string | null
}

const usual: Terms = { mode: 'forced', window: null, mayDownload: true, isLapsed: false, needsConsent: false }

/** What people said of a rollout when they made it: its mode, and its windows by the clocks of the device's place. */
@Injectable()
export class RolloutTerms extends DeploymentTerms {
  constructor(
    private readonly database: DataSource,
    private readonly tenants: Tenants,
    private readonly clock: Clock,
  ) {
    super()
  }

  override async find(namespace: string, rolloutId: string, deviceId: string): Promise<Terms> {
    const [row] = await this.database.query<TermsRow[]>(
      `SELECT r.rules, r.expires, d.attributes ->> 'timeZone' AS time_zone FROM rollout r JOIN device d ON d.namespace = r.namespace
       WHERE r.id = $2 AND d.namespace = $1 AND d.id = $3`,
      [namespace, rolloutId, deviceId],
    )
    return row === undefined ? usual : termsOf(row, this.tenants.settingsOf(namespace), this.clock.nowSeconds())
  }
}

function termsOf({ rules, expires, time_zone: timeZone }: TermsRow, settings: DdiSettings, now: number): Terms {
  const calendars = calendarsOf(rules.schedule)
  const zone = zoneOf(timeZone, calendars.timeZone)
  const { mode } = rules
  const [download, install] = [calendars.download, calendars.install].map((each) => hoursOf(each, zone, now, expires))
  return {
    mode,
    window: install === 'always' || install === undefined ? null : install === 'open' ? 'open' : 'closed',
    mayDownload: download === 'always' || download === 'open',
    // A client downloads when it installs, so it needs both.
    isLapsed: download === 'lapsed' || (mode !== 'download-only' && install === 'lapsed'),
    needsConsent: settings.confirmation === 'always' || (settings.confirmation === 'soft' && mode === 'soft'),
  }
}

/** `lapsed`: no more while the plan of the rollout holds, and with it the right to the release. */
function hoursOf(
  calendar: Calendar,
  zone: string,
  now: number,
  expires: number,
): 'always' | 'open' | 'closed' | 'lapsed' {
  if (isAlways(calendar)) return 'always'
  const opening = findOpening(calendar, zone, now, expires)
  if (opening === null) return 'lapsed'
  return opening.from > now ? 'closed' : 'open'
}
