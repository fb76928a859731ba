// The kernel API: all that a driver may import.

export * from './module';
export * from './printk';
export * from './bug';
export * from './slab';
export * from './uaccess';
export * from './fs';
export * from './seq';
export * from './proc';
export * from './timer';
export * from './store';
export * from '../../kernel/abi/errno';
