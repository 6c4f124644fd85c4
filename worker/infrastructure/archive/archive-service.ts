export class ArchiveService {
  constructor(_: unknown) {}
}
