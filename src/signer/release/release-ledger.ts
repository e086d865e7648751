import { toHex } from '../../domain/bytes.js'
import type { IntentEntry, TimedEntry } from '../../domain/signer-journal/journal-entry.js'
import type { Ledger } from '../signer-state.js'

const DAY_SECONDS = 86_400

/** What a release signer counts. */
export class ReleaseLedger implements Ledger {
  private readonly spent = new Set<string>()
  private readonly highest = new Map<string, number>()
  private readonly images = new Map<string, number>()
  private readonly signatureTimes = new Map<string, number[]>()
  /** Intents without a result: outcome unknown, grant spent (check 20). */
  private readonly open = new Map<string, IntentEntry>()

  apply({ time, entry }: TimedEntry): void {
    if (entry.kind === 'image') this.images.set(toHex(entry.imageSha256), entry.imageSizeBytes)
    if (entry.kind === 'intent') this.applyIntent(time, entry)
    if (entry.kind === 'result') this.open.delete(entry.requestId)
  }

  isSpent(requestId: string): boolean {
    return this.spent.has(requestId)
  }

  /** Highest sequence by class id, signed or spent. */
  get sequences(): ReadonlyMap<string, number> {
    return this.highest
  }

  /** Size in bytes of an image that this signer hashed itself; null when it did not. */
  findImageSize(imageSha256: Uint8Array): number | null {
    return this.images.get(toHex(imageSha256)) ?? null
  }

  /** Signatures of a key in the 24 hours before `now`. */
  signaturesInDay(keyId: string, now: number): number {
    const recent = (this.signatureTimes.get(keyId) ?? []).filter((time) => time > now - DAY_SECONDS)
    this.signatureTimes.set(keyId, recent)
    return recent.length
  }

  /** After the journal was read: signatures that may or may not have been made. */
  unknownOutcomes(): readonly IntentEntry[] {
    return [...this.open.values()]
  }

  private applyIntent(time: number, entry: IntentEntry): void {
    this.spent.add(entry.requestId)
    this.open.set(entry.requestId, entry)
    this.signatureTimes.set(entry.keyId, [...(this.signatureTimes.get(entry.keyId) ?? []), time])
    if (entry.operation === 'sign')
      this.highest.set(entry.classId, Math.max(entry.sequence, this.highest.get(entry.classId) ?? 0))
  }
}
