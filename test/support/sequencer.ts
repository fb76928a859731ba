// The order of test files where nothing is known of an earlier run: vitest goes by the size of a file, largest first. Those of
// the contract are a few lines each and the longest of all, so they come before the others: what runs last runs alone.

import { BaseSequencer, type TestSpecification } from 'vitest/node';

const isContract = ({ moduleId }: TestSpecification): boolean => moduleId.includes('/test/contract/');

export class ContractFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const sorted = await super.sort(files);
    return [...sorted.filter(isContract), ...sorted.filter((file) => !isContract(file))];
  }
}
