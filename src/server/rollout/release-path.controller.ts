import { Controller, HttpCode, Param, Post } from '@nestjs/common'
import { ApiTags } from '@nestjs/swagger'
import { z } from 'zod'
import { FromCaller, type Caller } from '../access/caller.decorator.js'
import { Roles } from '../access/roles.decorator.js'
import { ZodBody } from '../http/zod-body.decorator.js'
import { ReleasePaths, type ReleasePathView } from './release-paths.service.js'

const PathChange = z.strictObject({
  leastVersion: z.string().max(64).nullable().optional(),
  isSteppingStone: z.boolean().optional(),
})
type PathChange = z.infer<typeof PathChange>

/** Which devices may step onto a release, as a fleet manager says. */
@ApiTags('releases')
@Controller('api/v1/:product/:environment/releases')
@Roles('fleet-manager')
export class ReleasePathController {
  constructor(private readonly paths: ReleasePaths) {}

  @Post(':id/path')
  @HttpCode(200)
  change(
    @FromCaller() { namespace, person, label }: Caller,
    @Param('id') id: string,
    @ZodBody(PathChange) body: PathChange,
  ): Promise<ReleasePathView> {
    return this.paths.change(namespace, id, body, person ?? label)
  }
}
