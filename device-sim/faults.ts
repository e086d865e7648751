/** What a simulated device can suffer. */
export const faultNames = [
  'corrupt-download',
  'power-cut-before-switch',
  'power-cut-after-switch',
  'unhealthy-boot',
  'slow',
  'offline',
  'declines',
] as const
export type FaultName = (typeof faultNames)[number]

/** Moments at which the power may fail. */
export const powerPoints = [
  'update-accepted',
  'payload-stored',
  'slot-verified',
  'before-switch',
  'after-switch',
  'trial-boot',
  'before-confirm',
  'after-confirm',
] as const
export type PowerPoint = (typeof powerPoints)[number]

/** Everything in memory is lost at this point; what is on disk stays. */
export class PowerCut extends Error {
  override readonly name = 'PowerCut'
  constructor(readonly point: PowerPoint) {
    super(point)
  }
}

/** The faults of one device. Power fails once at each point; the others last until they are taken away. */
export class Faults {
  private readonly names: Set<FaultName>
  private readonly cuts: Set<PowerPoint>

  constructor(names: Iterable<FaultName> = [], cuts: Iterable<PowerPoint> = []) {
    this.names = new Set(names)
    this.cuts = new Set(cuts)
    if (this.names.has('power-cut-before-switch')) this.cuts.add('before-switch')
    if (this.names.has('power-cut-after-switch')) this.cuts.add('after-switch')
  }

  has(name: FaultName): boolean {
    return this.names.has(name)
  }

  set(name: FaultName, isOn: boolean): void {
    if (isOn) this.names.add(name)
    else this.names.delete(name)
    const point = name === 'power-cut-before-switch' ? 'before-switch' : 'after-switch'
    if (name.startsWith('power-cut')) this.cuts[isOn ? 'add' : 'delete'](point)
  }

  /** @throws PowerCut when the power fails here. */
  strike(point: PowerPoint): void {
    if (this.cuts.delete(point)) throw new PowerCut(point)
  }

  /** The piece of a download as it arrives on this device. */
  received(piece: Uint8Array): Uint8Array {
    if (!this.names.has('corrupt-download') || piece.length === 0) return piece
    const damaged = piece.slice()
    damaged[0] = (damaged[0] ?? 0) ^ 0x01
    return damaged
  }
}
