import { buffer } from 'node:stream/consumers'
import { Injectable } from '@nestjs/common'
import { toHex } from '../../domain/bytes.js'
import { OldDigestsService } from '../intake/old-digests.service.js'
import { FirmwareStore } from '../storage/firmware-store.port.js'

/** What DDI clients compare a download with, in hex, and how they know a bundle of theirs by its name. */
export interface ArtifactFacts {
  readonly sha1: string
  readonly md5: string
  /** Of the file name: `swu`, `raucb`, or `bin`. */
  readonly ending: string
}

const MAX_HELD = 256
/** SWUpdate takes only what is called so. A `.swu` is a cpio archive, a RAUC bundle a squashfs image. */
const endings: readonly (readonly [magic: string, ending: string])[] = [
  ['070701', 'swu'],
  ['070702', 'swu'],
  ['hsqs', 'raucb'],
]

/** Facts about firmware that DDI clients ask for, and nobody else. They never change, so they are kept. */
@Injectable()
export class ArtifactFactsService {
  private readonly held = new Map<string, Promise<ArtifactFacts>>()

  constructor(
    private readonly digests: OldDigestsService,
    private readonly store: FirmwareStore,
  ) {}

  /** @throws Refusal `NOT_FOUND`, `FIRMWARE_PRUNED`, `IMAGE_UNKNOWN`, `STORE_UNAVAILABLE`. */
  of(namespace: string, imageSha256: Uint8Array): Promise<ArtifactFacts> {
    const name = `${namespace} ${toHex(imageSha256)}`
    const known = this.held.get(name)
    if (known !== undefined) return known
    const facts = this.read(namespace, imageSha256)
    if (this.held.size >= MAX_HELD) this.held.clear()
    this.held.set(name, facts)
    facts.catch(() => this.held.delete(name))
    return facts
  }

  private async read(namespace: string, imageSha256: Uint8Array): Promise<ArtifactFacts> {
    const { sha1, md5 } = await this.digests.require(namespace, imageSha256)
    const head = (await buffer(await this.store.read(imageSha256, { first: 0, last: 5 }))).toString('latin1')
    const ending = endings.find(([magic]) => head.startsWith(magic))?.[1] ?? 'bin'
    return { sha1: toHex(sha1), md5: toHex(md5), ending }
  }
}
