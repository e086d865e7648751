import { Module } from '@nestjs/common'
import { APP_GUARD } from '@nestjs/core'
import { TypeOrmModule } from '@nestjs/typeorm'
import { AuditModule } from '../audit/audit.module.js'
import { ApiTokenRow } from './api-token.row.js'
import { TokenController } from './token.controller.js'
import { TokenGuard } from './token.guard.js'
import { TokenService } from './token.service.js'

/** Tokens and the guard that every call passes. */
@Module({
  imports: [TypeOrmModule.forFeature([ApiTokenRow]), AuditModule],
  controllers: [TokenController],
  providers: [TokenService, { provide: APP_GUARD, useClass: TokenGuard }],
  exports: [TokenService],
})
export class AccessModule {}
