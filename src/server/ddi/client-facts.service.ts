import { Injectable } from '@nestjs/common'
import { DataSource, type EntityManager } from 'typeorm'
import { equalBytes } from '../../domain/bytes.js'
import { Refusal } from '../../domain/refusal.js'
import { ServerClock } from '../clock/server-clock.port.js'
import { DeploymentService } from '../rollout/deployment.service.js'
import { DeviceClasses } from '../rollout/device-classes.service.js'
import { GroupMembership } from '../targeting/group-membership.service.js'
import { ReleaseShelf, type ShelvedRelease } from '../rollout/release-shelf.service.js'
import { findInstalled } from './action-record.js'
import { mergeAttributes, type Attributes } from './attributes.js'
import type { DdiTarget } from './ddi-target.js'
import type { ConfigData, InstalledVersion } from './feedback.js'
import { Tenants } from './tenants.service.js'

const NOTHING = new Uint8Array(32)

/** What the client said, and what stands now. */
interface FactsRow {
  readonly attributes: Attributes
  readonly facts: Attributes
}

/** What clients say of themselves, unsigned: attributes, and among them the version that they run. */
@Injectable()
export class ClientFacts {
  constructor(
    private readonly database: DataSource,
    private readonly deployments: DeploymentService,
    private readonly releases: ReleaseShelf,
    private readonly classes: DeviceClasses,
    private readonly tenants: Tenants,
    private readonly groups: GroupMembership,
    private readonly clock: ServerClock,
  ) {}

  /** @throws Refusal `REQUEST_INVALID` for a key or value too long, `RATE_EXCEEDED` for too many attributes. */
  async take(target: DdiTarget, { data, mode }: ConfigData): Promise<void> {
    const { namespace, deviceId } = target
    const { versionAttribute, bootAttribute } = this.tenants.settingsOf(namespace)
    const version = mode === 'remove' ? undefined : data[versionAttribute]
    const release = version === undefined ? null : await this.releases.findByVersion(namespace, target.classId, version)
    await this.database.transaction(async (manager) => {
      const held = await this.hold(manager, target)
      const people = peopleSaid(held)
      const said = mergeAttributes(held.attributes, data, mode ?? 'merge')
      const attributes = Object.fromEntries(Object.entries(said).filter(([name]) => !Object.hasOwn(people, name)))
      await manager.query(
        `UPDATE ddi_target SET attributes = $3, is_config_asked = false WHERE namespace = $1 AND device_id = $2`,
        [namespace, deviceId, JSON.stringify(attributes)],
      )
      await manager.query('UPDATE device SET attributes = $3 WHERE namespace = $1 AND id = $2', [
        namespace,
        deviceId,
        JSON.stringify({ ...attributes, ...people }),
      ])
      const changed = Object.keys({ ...held.attributes, ...attributes }).filter(
        (name) => held.attributes[name] !== attributes[name],
      )
      await this.groups.refresh(
        manager,
        namespace,
        [deviceId],
        changed.map((name) => `attribute/${name}`),
      )
      if (version !== undefined) await this.runs(manager, target, version, release, attributes[bootAttribute] ?? null)
    })
  }

  /**
   * What the client calls installed now. @returns whether that is news.
   * @throws Refusal `NOT_FOUND` for a name or version that there is no release of.
   */
  async takeInstalled(target: DdiTarget, { name, version }: InstalledVersion): Promise<boolean> {
    const { namespace, classId } = target
    const isOfClass = name === this.classes.findName(namespace, classId)
    const release = isOfClass ? await this.releases.findByVersion(namespace, classId, version) : null
    if (release === null) throw new Refusal('NOT_FOUND', { what: 'release', id: version })
    return this.database.transaction(async (manager) => {
      await this.hold(manager, target)
      return this.runs(manager, target, version, release, null)
    })
  }

  /** In the order of the device's row, so that two words of one client come one after the other. */
  private async hold(manager: EntityManager, { namespace, deviceId }: DdiTarget): Promise<FactsRow> {
    const [row] = await manager.query<FactsRow[]>(
      `SELECT t.attributes, d.attributes AS facts FROM device d JOIN ddi_target t ON t.namespace = d.namespace AND t.device_id = d.id
       WHERE d.namespace = $1 AND d.id = $2 FOR UPDATE`,
      [namespace, deviceId],
    )
    if (row === undefined) throw new Refusal('UNAUTHENTICATED', {})
    return row
  }

  /**
   * Writes down what the client runs, and judges by it a deployment that it called done: the release's own version confirms; another
   * one tells that the device went back, but only from another boot than the one in which it said "done". A client that restarts
   * after saying so may still run the old image, rightly.
   */
  private async runs(
    manager: EntityManager,
    target: DdiTarget,
    version: string,
    release: ShelvedRelease | null,
    boot: string | null,
  ): Promise<boolean> {
    const isNews = await this.writeRunning(manager, target, version, release)
    const installed = await findInstalled(manager, target)
    if (installed === null) return isNews
    const { namespace, deviceId } = target
    const isRelease = release !== null && equalBytes(release.manifestSha256, installed.manifestSha256)
    const isOtherBoot = boot !== null && installed.boot !== null && boot !== installed.boot
    if (isRelease || isOtherBoot) {
      const runningManifestSha256 = release?.manifestSha256 ?? NOTHING
      const { rolloutId: ownRolloutId } = installed
      await this.deployments.applyReports(manager, [
        {
          namespace,
          deviceId,
          ownRolloutId,
          state: 'confirmed',
          runningManifestSha256,
          runningSequence: release?.sequence ?? 0,
        },
      ])
    } else {
      await manager.query('UPDATE ddi_target SET is_config_asked = true WHERE namespace = $1 AND device_id = $2', [
        namespace,
        deviceId,
      ])
    }
    return isNews
  }

  private async writeRunning(
    manager: EntityManager,
    { namespace, deviceId }: DdiTarget,
    version: string,
    release: ShelvedRelease | null,
  ): Promise<boolean> {
    const bytes = (value: Uint8Array | undefined): Buffer | null => (value === undefined ? null : Buffer.from(value))
    const [, changed] = await manager.query<[unknown[], number]>(
      `UPDATE device SET reported_state = 'idle', reported_ms = $3, running_manifest_sha256 = $4, running_sequence = $5,
         running_image_sha256 = $6, version_key = version_key($7)
       WHERE namespace = $1 AND id = $2 AND (running_manifest_sha256 IS DISTINCT FROM $4 OR version_key IS DISTINCT FROM version_key($7)
         OR reported_state IS NULL)`,
      [
        namespace,
        deviceId,
        this.clock.nowMs(),
        bytes(release?.manifestSha256),
        release?.sequence ?? null,
        bytes(release?.imageSha256),
        version,
      ],
    )
    if (changed === 1) await this.groups.refresh(manager, namespace, [deviceId], ['state', 'version', 'sequence'])
    return changed === 1
  }
}

/** What stands and is not as the client said it: people's word about a device holds where the device says another. */
const peopleSaid = ({ attributes, facts }: FactsRow): Attributes =>
  Object.fromEntries(
    Object.entries(facts).filter(([name, value]) => !Object.hasOwn(attributes, name) || attributes[name] !== value),
  )
