export function sysctl_init(): void {}
