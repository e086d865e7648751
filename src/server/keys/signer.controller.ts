import { Controller, Get, HttpCode, Param, Post } from '@nestjs/common'
import { ApiTags } from '@nestjs/swagger'
import { z } from 'zod'
import { toHex } from '../../domain/bytes.js'
import { Refusal } from '../../domain/refusal.js'
import { MAX_DOCUMENT_BYTES } from '../../domain/trust/labels.js'
import { FromCaller, type Caller } from '../access/caller.decorator.js'
import { readers, Roles } from '../access/roles.decorator.js'
import { ZodBody } from '../http/zod-body.decorator.js'
import { bytesField } from '../request-fields.js'
import type { SignerProcess } from '../signing/signer.port.js'
import { SignerOrders, type SignerState } from './signer-order.service.js'

const newOrder = z.strictObject({
  operation: z.enum(['resume', 'clock-reset']),
  requestId: z.string().min(1).max(64),
  order: bytesField(MAX_DOCUMENT_BYTES),
  approvals: z.array(bytesField(MAX_DOCUMENT_BYTES)).min(1).max(64),
})

interface SignerView {
  readonly namespace: string
  readonly process: string
  readonly suspended: boolean
  readonly suspensionId: string
  readonly lastSeen: number
  readonly sandboxed: boolean
  readonly rootVersion: number
  readonly policyVersion: number
  readonly krlNumber: number
  readonly sequences: Readonly<Record<string, number>>
  readonly signedSequences: Readonly<Record<string, number>>
  readonly keyIds: readonly string[]
}

/** The two signers of a namespace: what they say of themselves, and orders that a quorum gave them. */
@ApiTags('signers')
@Controller('api/v1/:product/:environment/signers/:process')
export class SignerController {
  constructor(private readonly orders: SignerOrders) {}

  @Get()
  @Roles(...readers)
  async show(@FromCaller() caller: Caller, @Param('process') process: string): Promise<SignerView> {
    return viewOf(await this.orders.show(caller.namespace, requireProcess(process)))
  }

  @Post('orders')
  @Roles('security-officer')
  @HttpCode(200)
  async order(
    @FromCaller() caller: Caller,
    @Param('process') name: string,
    @ZodBody(newOrder) body: z.infer<typeof newOrder>,
  ): Promise<SignerView> {
    const process = requireProcess(name)
    const { operation, ...order } = body
    await this.orders.carry(process, operation, order, caller)
    return viewOf(await this.orders.show(caller.namespace, process))
  }
}

function requireProcess(name: string): SignerProcess {
  if (name !== 'release' && name !== 'online') throw new Refusal('NOT_FOUND', { what: 'signer', id: name.slice(0, 64) })
  return name
}

const viewOf = ({ status, signedSequences }: SignerState): SignerView => ({
  ...status,
  suspensionId: toHex(status.suspensionId),
  sequences: Object.fromEntries(status.sequences),
  signedSequences: Object.fromEntries(signedSequences),
})
