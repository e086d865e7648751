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

interface Hours {
  readonly state: 'always' | 'open' | 'closed' | 'lapsed'
  /** 0 for what is not shut, or opens no more. */
  readonly opensAt: number
}

const usual: Terms = {
  mode: 'forced',
  window: null,
  opensAt: null,
  mayDownload: true,
  isLapsed: false,
  needsConsent: false,
}

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
  const hours = (calendar: Calendar): Hours => hoursOf(calendar, zone, now, expires)
  const [download, install] = [hours(calendars.download), hours(calendars.install)]
  const opensAt = Math.max(download.opensAt, mode === 'download-only' ? 0 : install.opensAt)
  return {
    mode,
    window: install.state === 'always' ? null : install.state === 'open' ? 'open' : 'closed',
    opensAt: opensAt === 0 ? null : opensAt,
    mayDownload: download.state === 'always' || download.state === 'open',
    // A client downloads when it installs, so it needs both.
    isLapsed: download.state === 'lapsed' || (mode !== 'download-only' && install.state === 'lapsed'),
    needsConsent: settings.confirmation === 'always' || (settings.confirmation === 'soft' && mode === 'soft'),
  }
}

/** `lapsed`: no more while the plan of the rollout holds, and with it the right to the release. */
function hoursOf(calendar: Calendar, zone: string, now: number, expires: number): Hours {
  if (isAlways(calendar)) return { state: 'always', opensAt: 0 }
  const opening = findOpening(calendar, zone, now, expires)
  if (opening === null) return { state: 'lapsed', opensAt: 0 }
  return opening.from > now ? { state: 'closed', opensAt: opening.from } : { state: 'open', opensAt: 0 }
}
