import { Controller, Delete, Get, HttpCode, Param, Post } from '@nestjs/common'
import { ApiTags } from '@nestjs/swagger'
import { z } from 'zod'
import { toBase64Url, toHex } from '../../../domain/bytes.js'
import { FromCaller, type Caller } from '../../access/caller.decorator.js'
import { readers, Roles } from '../../access/roles.decorator.js'
import { ZodBody } from '../../http/zod-body.decorator.js'
import { bytesField, requireSha256, type Page } from '../../request-fields.js'
import type { EmbeddedKeyRow } from './embedded-key.row.js'
import type { EmbeddedKeyKind } from './embedded-keys.port.js'
import { EmbeddedKeysService } from './embedded-keys.service.js'
import { MAX_EMBEDDED_KEY_BYTES } from './read-embedded-key.js'

const newKey = z.strictObject({ label: z.string().min(1).max(64), der: bytesField(MAX_EMBEDDED_KEY_BYTES) })

interface EmbeddedKeyView {
  readonly id: string
  readonly kind: EmbeddedKeyKind
  readonly label: string
  readonly der: string
  readonly registeredAt: number
  readonly registeredBy: string
}

/** Public keys that sign inside images (MCUboot, RAUC, SWUpdate and the like), registered for one namespace. */
@ApiTags('firmware')
@Controller('api/v1/:product/:environment/embedded-keys')
export class EmbeddedKeysController {
  constructor(private readonly keys: EmbeddedKeysService) {}

  @Get()
  @Roles(...readers, 'ci')
  async list(@FromCaller() caller: Caller): Promise<Page<EmbeddedKeyView>> {
    return { items: (await this.keys.rows(caller.namespace)).map(viewOf), next: null }
  }

  @Post()
  @Roles('security-officer')
  async register(
    @FromCaller() caller: Caller,
    @ZodBody(newKey) body: z.infer<typeof newKey>,
  ): Promise<EmbeddedKeyView> {
    return viewOf(await this.keys.register(body.der, body.label, caller))
  }

  @Delete(':id')
  @Roles('security-officer')
  @HttpCode(204)
  remove(@FromCaller() caller: Caller, @Param('id') id: string): Promise<void> {
    return this.keys.remove(requireSha256('id', id), caller)
  }
}

const viewOf = (row: EmbeddedKeyRow): EmbeddedKeyView => ({
  id: toHex(row.sha256),
  kind: row.kind,
  label: row.label,
  der: toBase64Url(row.der),
  registeredAt: row.registeredAt,
  registeredBy: row.registeredBy,
})
