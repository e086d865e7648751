import { Module } from '@nestjs/common'
import { RefusalCounts } from './refusal-counts.service.js'

/** How often devices were told "no". */
@Module({ providers: [RefusalCounts], exports: [RefusalCounts] })
export class RefusalsModule {}
