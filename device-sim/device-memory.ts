import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { toHex } from '../src/domain/bytes.js'
import type { AlgorithmTable } from '../src/domain/cose/algorithms.js'
import { anchorState, decodeTrustState, encodeTrustState, type TrustState } from '../src/domain/trust/trust-state.js'
import { encodeBootRecord, factoryBoot, parseBootRecord, runningImage, type BootRecord } from './boot-record.js'
import { blankRecord, encodeDeviceRecord, parseDeviceRecord, type DeviceRecord } from './device-record.js'
import type { SlotImage } from './slot-image.js'
import { StateStore } from './state-store.js'

/**
 * What a device holds in memory, each change written to disk before it counts. A power cut throws this object away
 * and opens the folder again.
 */
export class DeviceMemory {
  private readonly trustStore: StateStore
  private readonly recordStore: StateStore
  private readonly bootStore: StateStore
  private heldTrust: TrustState
  private heldRecord: DeviceRecord
  private heldBoot: BootRecord

  /** @param root1 the root inside the device's firmware: its one anchor. Used on a blank device only. */
  constructor(folder: string, root1: Uint8Array, algorithms: AlgorithmTable, isFlushed: boolean) {
    mkdirSync(folder, { recursive: true, mode: 0o700 })
    this.trustStore = StateStore.open(join(folder, 'trust'), isFlushed)
    this.recordStore = StateStore.open(join(folder, 'record'), isFlushed)
    this.bootStore = StateStore.open(join(folder, 'boot'), isFlushed)
    const [trust, record, boot] = [this.trustStore.found, this.recordStore.found, this.bootStore.found]
    this.heldTrust = trust === null ? anchorState(root1, algorithms) : decodeTrustState(trust)
    this.heldRecord = record === null ? blankRecord : parseDeviceRecord(record)
    this.heldBoot = boot === null ? factoryBoot : parseBootRecord(boot)
  }

  get trust(): TrustState {
    return this.heldTrust
  }
  get record(): DeviceRecord {
    return this.heldRecord
  }
  get boot(): BootRecord {
    return this.heldBoot
  }

  saveTrust(trust: TrustState): void {
    this.trustStore.save(encodeTrustState(trust))
    this.heldTrust = trust
  }

  saveRecord(change: Partial<DeviceRecord>): void {
    const record = { ...this.heldRecord, ...change }
    this.recordStore.save(encodeDeviceRecord(record))
    this.heldRecord = record
  }

  saveBoot(boot: BootRecord): void {
    this.bootStore.save(encodeBootRecord(boot))
    this.heldBoot = boot
  }

  /**
   * After a confirmed boot what runs is what is installed; the floor never goes down (trust.md §5, step 16).
   * Called again at each power-up: the power may have failed between the confirmation and this.
   */
  raiseInstalled(): void {
    const image: SlotImage | null = runningImage(this.heldBoot)
    if (image === null || this.heldBoot.trialBoots !== null) return
    if (image.sequence <= this.heldTrust.installedSequence) return
    this.saveTrust({
      ...this.heldTrust,
      installedSequence: image.sequence,
      installedDigest: toHex(image.manifestSha256),
    })
  }
}
